# cmake -D SOCKRUN=PROGRAM -D FILE=SCENARIO -D LOGS=FOLDER -D CODE=N -P valgrind.cmake: one scenario under valgrind, with
# every process that it forks; the programs that a scenario runs are not watched. What has to fail may run into its
# timeouts, which are stretched less then.
cmake_minimum_required(VERSION 3.25)
set(scale 20)
if(CODE)
  set(scale 5)
endif()
file(REMOVE_RECURSE ${LOGS})
file(MAKE_DIRECTORY ${LOGS})
execute_process(
  COMMAND valgrind --quiet --leak-check=full --show-leak-kinds=definite,indirect
          --errors-for-leak-kinds=definite,indirect --error-exitcode=99 --num-callers=30
          --suppressions=${CMAKE_CURRENT_LIST_DIR}/valgrind.supp --log-file=${LOGS}/%p
          ${SOCKRUN} --allow-run --timeout-scale ${scale} ${FILE}
  RESULT_VARIABLE code
  OUTPUT_VARIABLE output
  ERROR_VARIABLE output)
file(GLOB logs ${LOGS}/*)
foreach(log IN LISTS logs)
  file(READ ${log} text)
  if(text)
    message("${text}")
    set(errors TRUE)
  endif()
endforeach()
if(errors OR NOT code STREQUAL CODE)
  message(FATAL_ERROR "${output}\nexit code ${code}, expected ${CODE}")
endif()
