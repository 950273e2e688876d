# Which cases run, how often, and what is remembered: selection/run.cmake goes through it with the program.
add_test(NAME cli/selection COMMAND ${CMAKE_COMMAND} -D SOCKRUN=$<TARGET_FILE:sockrun> -D WORK=${CMAKE_CURRENT_BINARY_DIR}/selection
                                    -P ${CMAKE_CURRENT_SOURCE_DIR}/selection/run.cmake
         WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/selection)
set_tests_properties(cli/selection PROPERTIES LABELS cli TIMEOUT 120)

# The recipe of docs/ci.md on a real cluster; without root or Slurm it says that it is skipped.
add_test(NAME docs/slurm COMMAND ${CMAKE_COMMAND} -D SOCKRUN=$<TARGET_FILE:sockrun> -D SOURCE=${CMAKE_SOURCE_DIR} -D
                                 WORK=${CMAKE_CURRENT_BINARY_DIR}/slurm -P ${CMAKE_CURRENT_SOURCE_DIR}/slurm/run.cmake)
set_tests_properties(docs/slurm PROPERTIES LABELS docs TIMEOUT 120 SKIP_REGULAR_EXPRESSION "skipped: ")
