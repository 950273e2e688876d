# What the command line says to somebody who has mistyped it: exactly NAME.txt.
function(sockrun_says name code)
  add_test(NAME cli/${name} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/cli
           COMMAND golden --exact ${CMAKE_CURRENT_SOURCE_DIR}/cli/${name}.txt ${code} $<TARGET_FILE:sockrun> ${ARGN})
  set_tests_properties(cli/${name} PROPERTIES LABELS cli TIMEOUT 60)
endfunction()

sockrun_says(no_path 1)
sockrun_says(no_scenario 5 check ../cli)
sockrun_says(misspelt_command 1 chek)
sockrun_says(later_command 1 torture x.yaml)
sockrun_says(misspelt_option 1 --jbos 3)
sockrun_says(strict 1 --strict=1)
sockrun_says(option_elsewhere 1 check --report-tap -)
sockrun_says(reports_on_stdout 1 --report-tap - --report-json - x.yaml)
sockrun_says(misspelt_step 1 steps expct)
sockrun_says(misspelt_module 1 modules htp)
sockrun_says(module 0 modules notes_protocol)
sockrun_says(module_wrong 1 modules broken)
set_tests_properties(cli/module cli/module_wrong PROPERTIES ENVIRONMENT SOCKRUN_SCRIPTS=${CMAKE_CURRENT_SOURCE_DIR}/cli/scripts)
sockrun_says(tags 1 --tags "smtp and")

# What changed between two runs.
sockrun_says(diff 4 diff diff/old.json diff/new.json)
sockrun_says(diff_json 4 diff --format json diff/old.json diff/new.json)
sockrun_says(diff_cut 4 diff diff/old.json diff/cut.json)
sockrun_says(diff_better 4 diff diff/new.json diff/old.json)
sockrun_says(diff_nothing 0 diff diff/old.json diff/old.json)
sockrun_says(diff_no_report 2 diff diff/old.txt diff/later.json)
sockrun_says(diff_one 1 diff diff/old.json)

# Lua by hand: from a file, and from a terminal whose keys stand in NAME.keys.
sockrun_says(lua_chunks 0 lua -e "x = sock.hex('ab')" -e "print(x, 1)" -e "x, 'a\\0'")
sockrun_says(lua_chunk_fails 4 lua -e "sock.fail('no')" -e "print('the next')")
sockrun_says(lua_chunk_wrong 3 lua -e "print(")
sockrun_says(lua_file 1 lua x.lua)
set(folder ${CMAKE_CURRENT_SOURCE_DIR}/cli)
add_test(NAME cli/lua_stdin COMMAND golden --input ${folder}/lua_stdin.lua ${folder}/lua_stdin.txt 3
                                    $<TARGET_FILE:sockrun> lua --var given=yes)
add_executable(terminal terminal.c)
target_link_libraries(terminal PRIVATE sockrun_flags)
add_test(NAME cli/lua_prompt COMMAND terminal ${folder}/lua_prompt.keys $<TARGET_FILE:sockrun> lua)
set_tests_properties(cli/lua_stdin cli/lua_prompt PROPERTIES LABELS cli TIMEOUT 60 ENVIRONMENT LC_ALL=C.UTF-8)

# Reports of a run, on standard output.
set(folder ${CMAKE_CURRENT_SOURCE_DIR}/scenarios)
add_test(NAME cli/report_jsonl COMMAND sockrun --report-jsonl - ${folder}/passing/ignore.yaml)
add_test(NAME cli/report_json COMMAND sockrun --report-json - ${folder}/failing/before_dead.yaml)
add_test(NAME cli/report_html COMMAND sockrun --report-html - ${folder}/passing/ignore.yaml)
add_test(NAME cli/report_github COMMAND sockrun --report-github ${folder}/failing/before_dead.yaml)
set_tests_properties(cli/report_jsonl PROPERTIES LABELS cli TIMEOUT 60 PASS_REGULAR_EXPRESSION
                     "\\{\"stream\":1,.*\"event\":\"traffic\".*\"bytes\":\".*\"event\":\"run_end\"")
set_tests_properties(cli/report_html PROPERTIES LABELS cli TIMEOUT 60 PASS_REGULAR_EXPRESSION
                     "<!doctype html>.*\"k\":\"receive\".* data-run=\"0\">.*</html>\n")
set_tests_properties(cli/report_json PROPERTIES LABELS cli TIMEOUT 60 PASS_REGULAR_EXPRESSION
                     "\\{\"report\":1,.*\"verdict\":\"fail\".*\\]}\n")
set_tests_properties(cli/report_github PROPERTIES LABELS cli TIMEOUT 60 ENVIRONMENT GITHUB_STEP_SUMMARY=/dev/stdout
                     PASS_REGULAR_EXPRESSION "::error file=.*\n### sockrun: 0 passed")
