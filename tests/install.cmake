# The installed program, away from where it was built; and the package, in a root that has nothing else.
set(example ${CMAKE_SOURCE_DIR}/scenarios/modules/http.yaml)
set(arguments -D BUILD=${CMAKE_BINARY_DIR} -D EXAMPLE=${example} -D WORK=${CMAKE_CURRENT_BINARY_DIR}/installed)
add_test(NAME install/tree COMMAND ${CMAKE_COMMAND} ${arguments}/tree -D DATA=${CMAKE_INSTALL_FULL_DATADIR} -P ${CMAKE_CURRENT_SOURCE_DIR}/install/tree.cmake)
set_tests_properties(install/tree PROPERTIES LABELS install TIMEOUT 120)

# What is sanitized needs libraries that nobody installs. A root takes time, and packages from where the system has them.
find_program(MMDEBSTRAP mmdebstrap)
find_program(DPKG_SHLIBDEPS dpkg-shlibdeps)
if(MMDEBSTRAP AND DPKG_SHLIBDEPS AND NOT SOCKRUN_SANITIZE)
  add_test(NAME install/package COMMAND ${CMAKE_COMMAND} ${arguments}/package -D CPACK=${CMAKE_CPACK_COMMAND} -D
                                        MMDEBSTRAP=${MMDEBSTRAP} -P ${CMAKE_CURRENT_SOURCE_DIR}/install/package.cmake)
  set_tests_properties(install/package PROPERTIES LABELS package TIMEOUT 600 COST 100 SKIP_REGULAR_EXPRESSION "skipped: ")
endif()
