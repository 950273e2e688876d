# What editors and shells get: the schema of scenarios, and what `check` says as JSON.
find_program(NODE NAMES node nodejs)
set(schema ${CMAKE_CURRENT_BINARY_DIR}/scenario.schema.json)

# FILE ARGS...: what the program prints, made once for the tests that need it.
function(made name file)
  add_test(NAME editor/${name} COMMAND ${CMAKE_COMMAND} -D SOCKRUN=$<TARGET_FILE:sockrun> -D FILE=${file}
                                       -D "ARGUMENTS=${ARGN}" -P ${CMAKE_CURRENT_SOURCE_DIR}/made.cmake)
  set_tests_properties(editor/${name} PROPERTIES FIXTURES_SETUP ${name} LABELS editor TIMEOUT 60
                       ENVIRONMENT SOCKRUN_SCRIPTS=${CMAKE_SOURCE_DIR}/scripts)
endfunction()
made(schema ${schema} schema)

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

# Real shells, which are asked to complete.
file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/home)
foreach(shell bash zsh fish)
  find_program(SHELL_${shell} ${shell})
  set(file ${CMAKE_CURRENT_BINARY_DIR}/completion.${shell})
  made(completion_${shell} ${file} completion ${shell})
  set(keys ${CMAKE_CURRENT_SOURCE_DIR}/completion/${shell}.keys)
  set(command terminal ${keys} ${SHELL_bash} --norc --noprofile -i)
  if(shell STREQUAL "zsh")
    set(command terminal ${keys} ${SHELL_zsh} -f -i)
  elseif(shell STREQUAL "fish")
    set(command golden --exact ${CMAKE_CURRENT_SOURCE_DIR}/completion/fish.txt 0 ${SHELL_fish} -N
                ${CMAKE_CURRENT_SOURCE_DIR}/completion/ask.fish)
  endif()
  if(SHELL_${shell})
    add_test(NAME editor/completes_${shell} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} COMMAND ${command})
    set_tests_properties(editor/completes_${shell} PROPERTIES FIXTURES_REQUIRED completion_${shell} LABELS editor
                         TIMEOUT 60 ENVIRONMENT "COMPLETION=${file};HOME=${CMAKE_CURRENT_BINARY_DIR}/home;LC_ALL=C.UTF-8")
  endif()
endforeach()
