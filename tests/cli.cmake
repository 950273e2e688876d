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
sockrun_says(later_option 1 --secret x=y)
sockrun_says(option_elsewhere 1 check --report-tap -)
sockrun_says(misspelt_step 1 steps expct)
sockrun_says(tags 1 --tags "smtp and")
