# SOCKRUN, WORK: an empty folder. Each call says how the program ends and what it says.
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
set(ENV{CI})
foreach(name CI_NODE_INDEX CIRCLE_NODE_INDEX BUILDKITE_PARALLEL_JOB SLURM_ARRAY_TASK_ID JOB_COMPLETION_INDEX
             SOCKRUN_SHARD_TOTAL)
  set(ENV{${name}})
endforeach()

# CODE REGEX ARGS...: the output is left in `said`.
function(sockrun code regex)
  execute_process(COMMAND ${SOCKRUN} ${ARGN} OUTPUT_VARIABLE said ERROR_VARIABLE said RESULT_VARIABLE got)
  if(NOT got EQUAL code OR NOT said MATCHES "${regex}")
    message(SEND_ERROR "sockrun ${ARGN}: ${got}, not ${code}, or without `${regex}`:\n${said}")
  endif()
  set(said "${said}" PARENT_SCOPE)
endfunction()
set(forget --results ${WORK}/none)

# Names, tags, ids, lines, folders.
sockrun(0 "smtp.yaml:4  it greets  .smtp.\n.*rows .n=1.  .smtp slow." list mail)
sockrun(0 "one.yaml:1  a file of one case\n" list mail)
sockrun(0 "4 passed" ${forget} mail)
sockrun(0 "2 passed" ${forget} mail --case smtp.rows)
sockrun(0 "1 passed" ${forget} mail --case "smtp.rows[n=2]")
sockrun(0 "3 passed" ${forget} mail --case "smtp.*")
sockrun(0 "2 passed" ${forget} mail --case smtp.greet --case "a file of*")
sockrun(0 "1 passed" ${forget} mail --tags "smtp and not slow")
sockrun(0 "1 passed" ${forget} mail/smtp.yaml:4)
sockrun(5 "no case is selected" ${forget} mail --case "http.*")
sockrun(5 "no case is selected" ${forget} mail --shard 5/5)
sockrun(0 "1 passed" ${forget} only.yaml)

# Errors: `only` in CI, the same id twice.
set(ENV{CI} true)
sockrun(2 "only.yaml:3:[0-9]+: error: `only`" ${forget} only.yaml)
set(ENV{CI})
sockrun(2 "twin_a.yaml:3:10: error: two cases have the id `twin`.*twin_b.yaml:3:10: error: two cases have the id" check
        twin_a.yaml twin_b.yaml)

# What failed the last time.
set(keep --results ${WORK}/results)
sockrun(5 "none failed the last time" ${keep} failing.yaml --last-failed)
sockrun(4 "1 passed, 1 failed" ${keep} failing.yaml)
sockrun(4 "0 passed, 1 failed" ${keep} failing.yaml --last-failed)
sockrun(4 "FAIL ./failing.yaml > fails" ${keep} ./failing.yaml --last-failed)
sockrun(0 "4 passed" ${keep} mail)
sockrun(0 "fails\n$" list ${keep} failing.yaml --last-failed)
file(WRITE ${WORK}/broken "nonsense\n")
sockrun(1 "these are no results" --results ${WORK}/broken mail)

# A pass after a retry is flaky, and a failure stays one.
sockrun(0 "flaky: attempt 2 passed; at first: check at flaky.yaml:11.*2 passed .1 flaky. in" ${forget} --allow-run --retry
        3 --var mark=${WORK}/flaky flaky.yaml)
sockrun(4 "1 passed, 1 failed" ${forget} --retry 2 failing.yaml)

# Again and again, and in another order.
sockrun(0 "it greets .run 3..*12 passed" ${forget} --repeat 3 mail)
sockrun(4 "2 passed, 2 failed" ${forget} --repeat 2 failing.yaml)
sockrun(0 "shuffled: --shuffle=7" list --shuffle=7 mail)
set(first "${said}")
sockrun(0 "shuffled: --shuffle=7" list --shuffle=7 mail)
if(NOT first STREQUAL said)
  message(SEND_ERROR "the same seed gives another order:\n${first}${said}")
endif()
sockrun(0 "shuffled: --shuffle=[0-9]+" list --shuffle mail)

# Parts are the whole, and none is in two.
set(all)
foreach(i 1 2 3)
  sockrun(0 "shard ${i} of 3: [12] of 4 cases, plan" list --shard ${i}/3 mail)
  string(REGEX MATCHALL "mail/[^\n]*" lines "${said}")
  list(APPEND all ${lines})
endforeach()
list(LENGTH all n)
list(REMOVE_DUPLICATES all)
list(LENGTH all m)
if(NOT n EQUAL 4 OR NOT m EQUAL 4)
  message(SEND_ERROR "3 parts of 4 cases have ${n}, ${m} of them different: ${all}")
endif()

# What the CI systems say.
sockrun(1 "nothing in the environment says" list --shard auto mail)
function(environment wanted)
  foreach(pair ${ARGN})
    string(REGEX MATCH "^([A-Z_]+)=(.*)" pair ${pair})
    set(ENV{${CMAKE_MATCH_1}} ${CMAKE_MATCH_2})
    list(APPEND names ${CMAKE_MATCH_1})
  endforeach()
  sockrun(0 "shard ${wanted}: " list --shard auto mail)
  foreach(name ${names})
    set(ENV{${name}})
  endforeach()
endfunction()
environment("2 of 3" CI_NODE_INDEX=2 CI_NODE_TOTAL=3)
environment("1 of 3" CIRCLE_NODE_INDEX=0 CIRCLE_NODE_TOTAL=3)
environment("3 of 3" BUILDKITE_PARALLEL_JOB=2 BUILDKITE_PARALLEL_JOB_COUNT=3)
environment("2 of 3" SLURM_ARRAY_TASK_ID=5 SLURM_ARRAY_TASK_MIN=3 SLURM_ARRAY_TASK_STEP=2 SLURM_ARRAY_TASK_COUNT=3)
environment("1 of 2" JOB_COMPLETION_INDEX=0 SOCKRUN_SHARD_TOTAL=2)
set(ENV{JOB_COMPLETION_INDEX} 1)
sockrun(1 "does not say how many" list --shard auto mail)
sockrun(0 "shard 2 of 2" list --shard auto/2 mail)
set(ENV{JOB_COMPLETION_INDEX})

# The longest case has a part of its own.
file(WRITE ${WORK}/durations "sockrun results 1\npass\t9000\tmail/smtp.yaml\tit greets\npass\t1000\tmail/smtp.yaml\trows [n=1]\npass\t1000\tmail/smtp.yaml\trows [n=2]\npass\t1000\tmail/one.yaml\t\n")
sockrun(0 "shard 1 of 2: 1 of 4 .*it greets" list --results ${WORK}/durations --shard 1/2 mail)
sockrun(0 "shard 2 of 2: 3 of 4 " --results ${WORK}/durations --shard 2/2 mail)
file(STRINGS ${WORK}/durations kept REGEX "\t1000\tmail/one.yaml")
if(NOT kept)
  message(SEND_ERROR "a part has changed the durations that the others reckon with")
endif()

# Files that share something take turns, whatever -j says.
sockrun(0 "2 passed" ${forget} -j 2 --allow-write=${WORK} --var place=${WORK}/place serial_a.yaml serial_b.yaml)

# Another system under test.
sockrun(4 "refused" ${forget} --target tcp://127.0.0.1:1 ../../scenarios/cases/target_server.yaml)
sockrun(4 "refused" ${forget} --target tcp://127.0.0.1:1 ../../scenarios/cases/target_program.yaml)
