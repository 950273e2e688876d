# What editors, shells and readers get: the schema of scenarios, what `check` says as JSON, completions, manual pages.
find_program(NODE NAMES node nodejs)
set(share ${CMAKE_BINARY_DIR}/share)
set(schema ${share}/scenario.schema.json)

# NAME SCHEMA ARGS...: by a validator of the distribution.
function(validates name schema)
  if(NODE)
    add_test(NAME editor/${name} COMMAND ${NODE} ${CMAKE_CURRENT_SOURCE_DIR}/schema/validate.js ${schema} ${ARGN})
    set_tests_properties(editor/${name} PROPERTIES LABELS editor TIMEOUT 60
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
    set_tests_properties(editor/completes_${shell} PROPERTIES LABELS editor
                         TIMEOUT 60 ENVIRONMENT "COMPLETION=${share}/completion.${shell};HOME=${CMAKE_CURRENT_BINARY_DIR}/home;LC_ALL=C.UTF-8")
  endif()
endforeach()

# What formatters of manual pages find fault with: nothing.
find_program(MANDOC mandoc)
find_program(GROFF groff)
foreach(page sockrun.1 sockrun-scenario.5)
  set(nothing ${CMAKE_CURRENT_SOURCE_DIR}/cli/nothing.txt)
  if(MANDOC)
    add_test(NAME editor/mandoc_${page} COMMAND golden --exact ${nothing} 0 ${MANDOC} -T lint ${share}/${page})
    set_tests_properties(editor/mandoc_${page} PROPERTIES LABELS editor TIMEOUT 60)
  endif()
  if(GROFF)
    add_test(NAME editor/groff_${page} COMMAND golden --exact ${nothing} 0 ${GROFF} -Kutf8 -Tutf8 -man -ww -z
                                               ${share}/${page})
    set_tests_properties(editor/groff_${page} PROPERTIES LABELS editor TIMEOUT 60)
  endif()
endforeach()

# Files are edited while they are watched; what is waited for is the next verdict.
add_test(NAME editor/watch COMMAND sockrun --allow-run --var sockrun=$<TARGET_FILE:sockrun>
                                   ${CMAKE_CURRENT_SOURCE_DIR}/watch/watch.yaml)
set_tests_properties(editor/watch PROPERTIES LABELS editor TIMEOUT 120)

# The first scenario passes, is valid, and is never written over.
add_test(NAME editor/init COMMAND ${CMAKE_COMMAND} -D SOCKRUN=$<TARGET_FILE:sockrun> -D SCHEMA=${schema}
                                  -D SCRIPTS=${CMAKE_SOURCE_DIR}/scripts -D WORK=${CMAKE_CURRENT_BINARY_DIR}/init
                                  -P ${CMAKE_CURRENT_SOURCE_DIR}/init.cmake)
set_tests_properties(editor/init PROPERTIES LABELS editor TIMEOUT 60 FIXTURES_SETUP init)
validates(init_valid ${schema} valid ${CMAKE_CURRENT_BINARY_DIR}/init/first.yaml)
if(NODE)
  set_tests_properties(editor/init_valid PROPERTIES FIXTURES_REQUIRED init)
endif()
