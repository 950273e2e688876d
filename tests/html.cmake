# The page of --report-html in a browser.
find_program(PYTHON python3)
if(PYTHON)
  add_test(NAME html/page COMMAND ${PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/html/check_page.py $<TARGET_FILE:sockrun>)
  set_tests_properties(html/page PROPERTIES LABELS html TIMEOUT 300 SKIP_RETURN_CODE 77
                       ENVIRONMENT PYTHONDONTWRITEBYTECODE=1)
endif()
