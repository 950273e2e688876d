# What is installed, and the package. What the program says of itself (schema, completions, manual pages) is made by it.
set(share ${CMAKE_BINARY_DIR}/share)
set(made)
function(sockrun_made file)
  add_custom_command(
    OUTPUT ${share}/${file}
    COMMAND ${CMAKE_COMMAND} -D SOCKRUN=$<TARGET_FILE:sockrun> -D FILE=${share}/${file} -D "ARGUMENTS=${ARGN}" -P
            ${CMAKE_SOURCE_DIR}/runner/made.cmake
    DEPENDS sockrun ${CMAKE_SOURCE_DIR}/runner/made.cmake ${scripts}
    VERBATIM)
  set(made ${made} ${share}/${file} PARENT_SCOPE)
endfunction()

file(MAKE_DIRECTORY ${share})
file(GLOB scripts CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/scripts/*.lua)
sockrun_made(scenario.schema.json schema)
sockrun_made(completion.bash completion bash)
sockrun_made(completion.zsh completion zsh)
sockrun_made(completion.fish completion fish)
sockrun_made(sockrun.1 man 1)
sockrun_made(sockrun-scenario.5 man 5)
if(NOT SOCKRUN_FUZZ)
  add_custom_target(share ALL DEPENDS ${made})
endif()

# zsh of Debian looks here below /usr, and in site-functions below /usr/local.
set(SOCKRUN_ZSH_FOLDER ${CMAKE_INSTALL_DATADIR}/zsh/site-functions CACHE STRING "Where zsh looks for completions")
install(TARGETS sockrun RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY scripts/ DESTINATION ${CMAKE_INSTALL_DATADIR}/sockrun/scripts FILES_MATCHING PATTERN *.lua)
install(FILES ${share}/scenario.schema.json DESTINATION ${CMAKE_INSTALL_DATADIR}/sockrun)
install(FILES ${share}/completion.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME sockrun)
install(FILES ${share}/completion.zsh DESTINATION ${SOCKRUN_ZSH_FOLDER} RENAME _sockrun)
install(FILES ${share}/completion.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d RENAME sockrun.fish)
install(FILES ${share}/sockrun.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${share}/sockrun-scenario.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs)

file(STRINGS include/sockrun/version.h CPACK_PACKAGE_VERSION REGEX "define SOCKRUN_VERSION ")
string(REGEX REPLACE ".*\"(.*)\"" "\\1" CPACK_PACKAGE_VERSION "${CPACK_PACKAGE_VERSION}")
set(CPACK_PACKAGE_NAME sockrun)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "scripted conversations over sockets, for tests")
set(CPACK_PACKAGE_DESCRIPTION
    "A YAML file says who listens, who connects, what is sent and what must come\nback. When something else comes, sockrun shows the step, the first byte that\ndiffers, and what everybody else was doing.")
set(CPACK_PACKAGE_CONTACT "the sockrun authors <sockrun@localhost>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/package)
set(CPACK_GENERATOR DEB)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/runner/package.cmake)
include(CPack)
