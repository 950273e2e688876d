# cmake -D SOCKRUN=PROGRAM -D FILE=SCENARIO -D CODE=N -P faults_run.cmake: what the system may always do (give and take less,
# interrupt, say "not now") changes no verdict; what it runs out of ends the case, in time and in words.
cmake_minimum_required(VERSION 3.25)
set(harmless short=40 eintr=40 eagain=40 short=30,eintr=20,eagain=20 short=90,eagain=60)
set(exhausting emfile=30 emfile=100 socket@2=emfile accept4@1=emfile enobufs=30 enobufs=100 recv@2=enobufs
    recvmsg@2=enobufs sendto@1=enobufs
    emfile=10,enobufs=10,short=30,eintr=20,eagain=20)

# Where something is lost, nobody waits for long: that ends in time is all that is asked for.
function(run plan scale)
  execute_process(
    COMMAND ${CMAKE_COMMAND} -E env SOCKRUN_TEST_FAULTS=${plan} ${SOCKRUN} --allow-run --timeout-scale ${scale} ${FILE}
    RESULT_VARIABLE code
    OUTPUT_VARIABLE output
    ERROR_VARIABLE output
    TIMEOUT 60)
  set(code ${code} PARENT_SCOPE)
  set(output "${output}" PARENT_SCOPE)
endfunction()

foreach(seed RANGE 1 2)
  foreach(plan IN LISTS harmless)
    run(seed=${seed},${plan} 4)
    if(NOT code STREQUAL CODE)
      message(SEND_ERROR "${output}\nSOCKRUN_TEST_FAULTS=seed=${seed},${plan}: exit code ${code}, expected ${CODE}")
    endif()
  endforeach()
endforeach()
foreach(plan IN LISTS exhausting)
  run(${plan} 0.4)
  if(NOT code MATCHES "^[034]$" OR output MATCHES "its process ended|Sanitizer|runtime error")
    message(SEND_ERROR "${output}\nSOCKRUN_TEST_FAULTS=${plan}: exit code ${code}")
  endif()
endforeach()
