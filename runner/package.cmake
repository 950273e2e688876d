# Before CPack makes a Debian package of the tree: where Debian has its things (Debian policy 12), and how it packs them.
set(share ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share)
file(MAKE_DIRECTORY ${share}/zsh/vendor-completions)
file(RENAME ${share}/zsh/site-functions/_sockrun ${share}/zsh/vendor-completions/_sockrun)
file(REMOVE_RECURSE ${share}/zsh/site-functions)
file(RENAME ${share}/doc/sockrun/LICENSE ${share}/doc/sockrun/copyright)
execute_process(COMMAND gzip -9n ${share}/man/man1/sockrun.1 ${share}/man/man5/sockrun-scenario.5
                COMMAND_ERROR_IS_FATAL ANY)
