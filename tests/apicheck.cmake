# Everything that calls Lua, once more with a Lua that checks each of those calls (LUA_USE_APICHECK), where bootstrap.sh
# has fetched its source. The archive comes first, so that nothing of the distribution's library is used.
file(GLOB lua_source CONFIGURE_DEPENDS ${CMAKE_BINARY_DIR}/lua-source/src/l*.c)
list(FILTER lua_source EXCLUDE REGEX "/luac?\\.c$")
if(NOT lua_source OR NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  return()
endif()
add_library(lua_checked STATIC ${lua_source})
target_compile_definitions(lua_checked PRIVATE LUA_USE_APICHECK LUA_USE_POSIX LUA_COMPAT_5_3)
target_link_libraries(lua_checked PUBLIC m)

add_executable(sockrun-apicheck $<TARGET_PROPERTY:sockrun,SOURCES>)
target_compile_definitions(sockrun-apicheck PRIVATE $<TARGET_PROPERTY:sockrun,COMPILE_DEFINITIONS>)
target_include_directories(sockrun-apicheck SYSTEM PRIVATE ${EDIT_INCLUDE_DIRS})
target_link_libraries(sockrun-apicheck PRIVATE -Wl,--whole-archive lua_checked -Wl,--no-whole-archive layer_run ${EDIT_ALL})

file(GLOB rooms CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/lua/test_*.c)
foreach(source ${rooms})
  get_filename_component(room ${source} NAME_WE)
  set(target apicheck_${room})
  add_executable(${target} ${source})
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_compile_definitions(${target} PRIVATE TEST_FOLDER="${CMAKE_CURRENT_SOURCE_DIR}")
  target_link_libraries(${target} PRIVATE -Wl,--whole-archive lua_checked -Wl,--no-whole-archive layer_lua
                                          PkgConfig::CMOCKA)
  add_test(NAME apicheck/${room} COMMAND ${target})
  set_tests_properties(apicheck/${room} PROPERTIES LABELS apicheck TIMEOUT 60)
endforeach()

# What passes goes on passing, and what fails, fails as it did: a check that does not hold would end the process.
set(passing scenarios/lua scenarios/modules tests/scripts/passing)
list(TRANSFORM passing PREPEND ${CMAKE_SOURCE_DIR}/)
add_test(NAME apicheck/passing COMMAND sockrun-apicheck --allow-run --var given=yes ${passing})
file(GLOB failing CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR}/scripts/failing
     ${CMAKE_CURRENT_SOURCE_DIR}/scripts/failing/*.out)
# Their own options, and times that they wait for, are nothing to do with this.
list(FILTER failing EXCLUDE REGEX "^(hogs|endless|beside|load_)")
foreach(file ${failing})
  string(REGEX REPLACE "\\.out$" "" name ${file})
  set(file ${name}.lua)
  if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/scripts/failing/${file})
    set(file ${name}.yaml)
  endif()
  set(code 3)
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/scripts/failing/${name}.exit)
    file(STRINGS ${CMAKE_CURRENT_SOURCE_DIR}/scripts/failing/${name}.exit code)
  endif()
  add_test(NAME apicheck/failing/${name} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/scripts/failing
           COMMAND golden ${CMAKE_CURRENT_SOURCE_DIR}/scripts/failing/${name}.out ${code} $<TARGET_FILE:sockrun-apicheck>
                   ${file})
  set_tests_properties(apicheck/failing/${name} PROPERTIES ${servers} ENVIRONMENT SOCKRUN_SCRIPTS=${CMAKE_SOURCE_DIR}/scripts
                                                             LABELS apicheck TIMEOUT 120)
endforeach()
set_tests_properties(apicheck/passing PROPERTIES ${servers} ENVIRONMENT SOCKRUN_SCRIPTS=${CMAKE_SOURCE_DIR}/scripts LABELS
                                                 apicheck TIMEOUT 120)
