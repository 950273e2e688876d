# What editors and shells get: the schema of scenarios, and what `check` says as JSON.
find_program(NODE NAMES node nodejs)
set(schema ${CMAKE_CURRENT_BINARY_DIR}/scenario.schema.json)
add_test(NAME editor/schema_made COMMAND ${CMAKE_COMMAND} -D SOCKRUN=$<TARGET_FILE:sockrun> -D FILE=${schema} -P
                                         ${CMAKE_CURRENT_SOURCE_DIR}/schema/make.cmake)
set_tests_properties(editor/schema_made PROPERTIES FIXTURES_SETUP schema LABELS editor TIMEOUT 60
                     ENVIRONMENT SOCKRUN_SCRIPTS=${CMAKE_SOURCE_DIR}/scripts)

# NAME SCHEMA ARGS...: by a validator of the distribution.
function(validates name schema)
  if(NODE)
    add_test(NAME editor/${name} COMMAND ${NODE} ${CMAKE_CURRENT_SOURCE_DIR}/schema/validate.js ${schema} ${ARGN})
    set_tests_properties(editor/${name} PROPERTIES FIXTURES_REQUIRED schema LABELS editor TIMEOUT 60
                         ENVIRONMENT NODE_PATH=/usr/share/nodejs)
  endif()
endfunction()

file(GLOB_RECURSE good CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/scenarios/*.yaml
     ${CMAKE_CURRENT_SOURCE_DIR}/scenarios/*.yaml)
file(GLOB broken CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/diagnostics/*.yaml)
validates(schema_valid ${schema} valid ${good})
validates(schema_broken ${schema} broken ${CMAKE_CURRENT_SOURCE_DIR}/schema/beyond.txt ${broken})
validates(check_broken ${CMAKE_SOURCE_DIR}/docs/check.schema.json output 2 $<TARGET_FILE:sockrun> check --format json
          ${broken})
validates(check_good ${CMAKE_SOURCE_DIR}/docs/check.schema.json output 0 $<TARGET_FILE:sockrun> check --format json
          ${CMAKE_SOURCE_DIR}/scenarios/hello.yaml)
add_test(NAME editor/check_json WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/diagnostics
         COMMAND golden --exact ${CMAKE_CURRENT_SOURCE_DIR}/cli/check_json.txt 2 $<TARGET_FILE:sockrun> check --format json
                 several.yaml include_clash.yaml text_wide.yaml file_nothing.yaml)
set_tests_properties(editor/check_json PROPERTIES LABELS editor TIMEOUT 60)
