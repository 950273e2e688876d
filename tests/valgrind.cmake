# cmake -D SOCKRUN=PROGRAM -D ARGUMENTS=A|B|... -D CODES=REGEX -D LOGS=FOLDER -P valgrind.cmake: runs sockrun under
# valgrind, with every process that it forks; the programs that a scenario runs are not watched.
cmake_minimum_required(VERSION 3.25)
string(REPLACE "|" ";" arguments "${ARGUMENTS}")
file(REMOVE_RECURSE ${LOGS})
file(MAKE_DIRECTORY ${LOGS})
execute_process(
  # It does not know TIOCGPTPEER (ioctl_tty(2)).
  COMMAND valgrind --quiet --sim-hints=lax-ioctls --leak-check=full --show-leak-kinds=definite,indirect
          --errors-for-leak-kinds=definite,indirect --error-exitcode=99 --num-callers=30
          --suppressions=${CMAKE_CURRENT_LIST_DIR}/valgrind.supp --log-file=${LOGS}/%p
          ${SOCKRUN} ${arguments}
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
if(errors OR NOT logs OR NOT code MATCHES "${CODES}")
  message(FATAL_ERROR "${output}\nexit code ${code}, expected ${CODES}")
endif()
