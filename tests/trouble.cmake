# What may befall a run, and what its reports are then.
find_program(PYTHON3 python3)
if(PYTHON3)
  add_test(NAME cli/trouble COMMAND ${PYTHON3} -B ${CMAKE_CURRENT_SOURCE_DIR}/trouble/trouble.py $<TARGET_FILE:sockrun>)
  set_tests_properties(cli/trouble PROPERTIES LABELS cli TIMEOUT 300)
endif()
