# What a run leaves: evidence/NAME.cmake goes through it with the program.
foreach(name merge secret artifacts)
  add_test(NAME cli/${name} COMMAND ${CMAKE_COMMAND} -D SOCKRUN=$<TARGET_FILE:sockrun> -D
                                    WORK=${CMAKE_CURRENT_BINARY_DIR}/evidence.d/${name} -P
                                    ${CMAKE_CURRENT_SOURCE_DIR}/evidence/${name}.cmake
           WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/evidence)
  set_tests_properties(cli/${name} PROPERTIES LABELS cli TIMEOUT 120)
endforeach()
