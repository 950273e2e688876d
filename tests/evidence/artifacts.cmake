include(${CMAKE_CURRENT_LIST_DIR}/common.cmake)
file(MAKE_DIRECTORY ${WORK}/tmp)
set(ENV{TMPDIR} ${WORK}/tmp)
set(run -q ${forget} --allow-run artifacts.yaml)
set(kept ${WORK}/new/kept)
set(fails ${kept}/artifacts.yaml/fails)

# FOLDER NAME...: just these are in it.
function(contains folder)
  file(GLOB got RELATIVE ${folder} ${folder}/*)
  list(SORT got)
  set(wanted ${ARGN})
  list(SORT wanted)
  if(NOT "${got}" STREQUAL "${wanted}")
    message(SEND_ERROR "in ${folder} there is `${got}`, not `${wanted}`")
  endif()
endfunction()

# Every case that failed, whatever it is called, and none that passed; the folder is made.
sockrun(3 "1 passed, 8 failed, 1 error" ${run} --var mark=${WORK}/mark --artifacts ${kept}/)
contains(${kept} artifacts.yaml)
contains(${kept}/artifacts.yaml fails "_.+..+etc+passwd~6fadc99a" "_.~a3d4a70d" "привет,_世界" a_b
         "a_b~1ba46871" "_red___x____~7e59440c" killed flaky)
contains(${fails} events.jsonl packets.pcapng report.txt app.stdout app.stderr sut.stdout sut.stderr tmp)
contains(${fails}/tmp app.conf sub)
contains(${fails}/tmp/sub large)
holds(${fails}/app.stdout "^got hello\ndone\n$")
holds(${fails}/app.stderr "^oops\n$")
holds(${fails}/sut.stdout "^from before\n$")
holds(${fails}/tmp/app.conf "^port 0\n$")
holds(${fails}/report.txt "^FAIL artifacts.yaml > fails.*nothing had come.*\nlast:\n.*-> +7 .*\nnot here:\n.*tmp/link: a symbolic link")
holds(${fails}/events.jsonl "^{\"stream\":1,.*\"event\":\"traffic\".*\"event\":\"log\".*\"event\":\"verdict\".*\"event\":\"run_end\"")
file(READ ${fails}/packets.pcapng packets HEX)
if(NOT packets MATCHES "^0a0d0d0a.*676f742068656c6c6f")
  message(SEND_ERROR "the capture of the case is without `got hello`")
endif()

# What a process that was killed has left is kept, with its last messages, and goes nevertheless.
holds(${kept}/artifacts.yaml/killed/tmp/left.txt "^kept\n$")
holds(${kept}/artifacts.yaml/killed/report.txt
      "^ERROR .*last messages.*server received 3 bytes \"ABC\".*tmp/s: a socket, not kept")
contains(${WORK}/tmp)

# Each is a stream, and all of them are a run.
sockrun(3 "0 passed, 8 failed, 1 error in" merge -q ${kept})

# What an earlier run has left there goes; each attempt that failed is there; a large file is cut, and that is said.
file(WRITE ${fails}/tmp/stale x)
file(REMOVE_RECURSE ${WORK}/mark)
sockrun(3 "2 passed .1 flaky., 7 failed, 1 error" ${run} --retry 1 --var large=17000000 --var mark=${WORK}/mark
        --artifacts ${kept})
contains(${fails} attempt-1 attempt-2)
contains(${kept}/artifacts.yaml/killed attempt-1 attempt-2)
contains(${kept}/artifacts.yaml/flaky attempt-1)
holds(${fails}/attempt-2/report.txt "tmp/sub/large: only the first 16 MiB of 16.2 MiB are kept")
file(SIZE ${fails}/attempt-1/tmp/sub/large size)
if(NOT size EQUAL 16777216)
  message(SEND_ERROR "of a large file ${size} bytes are kept")
endif()
contains(${WORK}/tmp)

# Without it nothing stays either, and what was said last is told all the same.
sockrun(3 "last messages[^\n]*client sent 3 bytes \"ABC\"\n[^\n]*server received 3 bytes \"ABC\"" ${run} -k killed)
contains(${WORK}/tmp)
sockrun(4 "last messages[^\n]*client sent 4 bytes \"EHLO\"\n[^\n]*server received 4 bytes \"EHLO\"\n[^\n]*server sent 3 bytes \"501\""
        -q ${forget} artifacts_last.yaml)

# What cannot be written is an error of the run.
sockrun(3 "cannot write artifacts.yaml/x: Not a directory" ${run} -k a_b --artifacts artifacts.yaml/x)
file(MAKE_DIRECTORY ${WORK}/full/artifacts.yaml/fails)
file(CREATE_LINK /dev/full ${WORK}/full/artifacts.yaml/fails/app.stdout SYMBOLIC)
sockrun(3 "cannot write .*fails/app.stdout: No space left" ${run} -k "> fails" --artifacts ${WORK}/full)

# So does a test script.
sockrun(4 "0 passed, 1 failed" -q ${forget} --allow-run --artifacts ${WORK}/script program.lua)
holds(${WORK}/script/program.lua/fails/test.stdout "^hello\n$")
holds(${WORK}/script/program.lua/fails/test.stderr "^oops\n$")
