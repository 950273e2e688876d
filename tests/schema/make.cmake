# cmake -D SOCKRUN=<program> -D FILE=<path> -P make.cmake: its schema, in that file.
execute_process(COMMAND ${SOCKRUN} schema OUTPUT_FILE ${FILE} COMMAND_ERROR_IS_FATAL ANY)
