include(${CMAKE_CURRENT_LIST_DIR}/common.cmake)
set(run -q ${forget} many.yaml ../selection/mail)
set(sum "6 passed, 1 failed, 1 error, 1 passed unexpectedly, 1 warning, 1 failed as expected, 1 skipped")

file(MAKE_DIRECTORY ${WORK}/parts ${WORK}/cut)

# Three parts are the whole.
sockrun(3 "${sum}" ${run} --report-json ${WORK}/whole.json)
foreach(part 1 2 3)
  sockrun("[034]" "" ${run} --shard ${part}/3 --report-jsonl ${WORK}/parts/${part}.jsonl)
endforeach()
sockrun(3 "${sum}" merge ${WORK}/parts --report-json ${WORK}/merged.json --report-junit ${WORK}/merged.xml --report-tap
        ${WORK}/merged.tap --report-jsonl ${WORK}/merged.jsonl --durations 2)
if(NOT said MATCHES "fails, .*it does.*slowest:" OR NOT said MATCHES "pass  many.yaml > talks")
  message(SEND_ERROR "a merge says less than a run:\n${said}")
endif()
sockrun(0 "0 of 12 cases changed\n$" diff ${WORK}/whole.json ${WORK}/merged.json)
holds(${WORK}/merged.xml "tests=\"8\" failures=\"2\" errors=\"1\" skipped=\"2\"")
holds(${WORK}/merged.tap "^TAP version 14\n.*not ok .*it greets")

# What was merged can be merged, and is the same.
sockrun(3 "${sum}" merge ${WORK}/merged.jsonl --report-json ${WORK}/again.json)
sockrun(0 "0 of 12 cases changed\n$" diff ${WORK}/merged.json ${WORK}/again.json)

# The order is the one given, and a file counts once.
sockrun(3 "" merge -q ${WORK}/parts/3.jsonl ${WORK}/parts --report-jsonl ${WORK}/order.jsonl)
function(first_verdict file out)
  file(STRINGS ${file} line REGEX "\"event\":\"verdict\"" LIMIT_COUNT 1)
  string(REGEX REPLACE ".*(\"file\":.*\"index\":).*" "\\1" line "${line}")
  set(${out} "${line}" PARENT_SCOPE)
endfunction()
first_verdict(${WORK}/parts/3.jsonl wanted)
first_verdict(${WORK}/order.jsonl got)
if(NOT got STREQUAL wanted OR NOT got)
  message(SEND_ERROR "the first case is ${got}, not ${wanted}")
endif()

# The disc was full: what is whole counts.
file(READ ${WORK}/parts/2.jsonl text)
string(LENGTH "${text}" length)
math(EXPR length "${length} - 150")
string(SUBSTRING "${text}" 0 ${length} text)
file(WRITE ${WORK}/cut/2.jsonl "${text}")
sockrun(3 "passed.*cut short.*2.jsonl: it is cut short" merge -q ${WORK}/cut --report-tap ${WORK}/cut.tap)
holds(${WORK}/cut.tap "Bail out! cut short")

# A case in two of them, and what is no stream.
sockrun(3 "3.jsonl: .* is in .*merged.jsonl too" merge -q ${WORK}/merged.jsonl ${WORK}/parts/3.jsonl)
sockrun(2 "many.yaml: it is no stream of events" merge many.yaml)
sockrun(1 "nothing.jsonl: No such file" merge ${WORK}/nothing.jsonl)
sockrun(5 "no file ends in .jsonl" merge ../selection)
sockrun(1 "takes what --report-jsonl has written" merge)
sockrun(3 "cannot write .*: Not a directory" merge -q ${WORK}/merged.jsonl --report-tap many.yaml/x)
sockrun(3 "cannot write /dev/full: No space" merge -q ${WORK}/merged.jsonl --report-tap /dev/full)
