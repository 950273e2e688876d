# cmake -D SOCKRUN=<program> -D FILE=<path> -D ARGUMENTS=<list> -P made.cmake: what it prints, in that file.
execute_process(COMMAND ${SOCKRUN} ${ARGUMENTS} OUTPUT_FILE ${FILE} COMMAND_ERROR_IS_FATAL ANY)
