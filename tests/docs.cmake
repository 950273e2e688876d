# What the texts show is what the program does: each block of YAML in them is checked, or run if it is a whole file.
add_executable(blocks docs/blocks.c)
target_link_libraries(blocks PRIVATE sockrun_flags)
foreach(text README.md docs/language.md docs/steps.md docs/lua.md)
  get_filename_component(name ${text} NAME_WE)
  add_test(NAME docs/blocks/${name} COMMAND blocks $<TARGET_FILE:sockrun> ${CMAKE_CURRENT_SOURCE_DIR}/docs
                                            ${CMAKE_CURRENT_BINARY_DIR}/blocks.d ${CMAKE_SOURCE_DIR}/${text})
  set_tests_properties(docs/blocks/${name} PROPERTIES LABELS docs TIMEOUT 300)
endforeach()

# The reference of the Lua API is the one that its comments make.
add_executable(reference docs/reference.c)
target_link_libraries(reference PRIVATE sockrun_flags)
add_test(NAME docs/lua COMMAND golden --exact ${CMAKE_SOURCE_DIR}/docs/lua.md 0 $<TARGET_FILE:reference>
                               ${CMAKE_SOURCE_DIR}/docs/lua.md ${CMAKE_SOURCE_DIR}/runner/lua)
set_tests_properties(docs/lua PROPERTIES LABELS docs TIMEOUT 300)

# What is explained there is what the program explains.
foreach(text sockets.md sockets.ja.md)
  add_test(NAME docs/${text} COMMAND ${CMAKE_COMMAND} -D SOCKRUN=$<TARGET_FILE:sockrun> -D
                                     TEXT=${CMAKE_SOURCE_DIR}/docs/${text} -D FOLDER=${CMAKE_SOURCE_DIR}/scenarios -P
                                     ${CMAKE_CURRENT_SOURCE_DIR}/docs_explain.cmake)
  set_tests_properties(docs/${text} PROPERTIES LABELS docs TIMEOUT 300 SKIP_REGULAR_EXPRESSION "may not be captured")
endforeach()
