# SOCKRUN, WORK: an empty folder.
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
set(ENV{CI})
set(forget --results ${WORK}/none)

# CODE REGEX ARGS...: the program ends so and says so; what it says is left in `said`.
function(sockrun code regex)
  execute_process(COMMAND ${SOCKRUN} ${ARGN} OUTPUT_VARIABLE said ERROR_VARIABLE said RESULT_VARIABLE got)
  if(NOT got MATCHES "^${code}$" OR NOT said MATCHES "${regex}")
    message(SEND_ERROR "sockrun ${ARGN}: ${got}, not ${code}, or without `${regex}`:\n${said}")
  endif()
  set(said "${said}" PARENT_SCOPE)
endfunction()

# FILE REGEX: the file holds that.
function(holds file regex)
  if(NOT EXISTS ${file})
    message(SEND_ERROR "there is no ${file}")
    return()
  endif()
  file(READ ${file} text)
  if(NOT text MATCHES "${regex}")
    message(SEND_ERROR "${file} is without `${regex}`:\n${text}")
  endif()
endfunction()
