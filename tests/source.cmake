# What is checked in the text of the sources, the same in every build, and `check`: that, clang-tidy and all tests.
find_program(CLANG_FORMAT clang-format)
file(GLOB_RECURSE formatted CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/runner/*.[ch] ${CMAKE_SOURCE_DIR}/include/*.h
     ${CMAKE_SOURCE_DIR}/tests/*.[ch])

add_test(NAME source/layers COMMAND ${CMAKE_COMMAND} -D SOURCE=${CMAKE_SOURCE_DIR} -P
                                    ${CMAKE_CURRENT_SOURCE_DIR}/layers/check.cmake)
set_tests_properties(source/layers PROPERTIES LABELS source)
if(CLANG_FORMAT)
  add_test(NAME source/format COMMAND ${CLANG_FORMAT} --dry-run -Werror ${formatted})
  set_tests_properties(source/format PROPERTIES LABELS source)
  add_custom_target(format COMMAND ${CLANG_FORMAT} -i ${formatted} VERBATIM)
endif()

add_custom_target(layers COMMAND ${CMAKE_COMMAND} -D SOURCE=${CMAKE_SOURCE_DIR} -P
                                 ${CMAKE_CURRENT_SOURCE_DIR}/layers/check.cmake VERBATIM)
add_custom_target(tidy COMMAND ${CMAKE_COMMAND} --preset tidy COMMAND ${CMAKE_COMMAND} --build --preset tidy
                  WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} USES_TERMINAL VERBATIM)
include(ProcessorCount)
ProcessorCount(processors)
add_custom_target(check COMMAND ${CMAKE_CTEST_COMMAND} --output-on-failure -j ${processors}
                  WORKING_DIRECTORY ${CMAKE_BINARY_DIR} USES_TERMINAL VERBATIM)
get_property(programs DIRECTORY PROPERTY BUILDSYSTEM_TARGETS)
list(REMOVE_ITEM programs check format layers tidy)
add_dependencies(check tidy ${programs})
if(TARGET sockrun)
  add_dependencies(check sockrun)
endif()
