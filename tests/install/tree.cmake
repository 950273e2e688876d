# cmake -D BUILD=<folder> -D EXAMPLE=<scenario> -D WORK=<folder> -D DATA=<folder> -P tree.cmake: installs into a prefix and
# below DESTDIR, moves both, and runs an example that needs a module. DATA is where share is below the configured prefix.
cmake_minimum_required(VERSION 3.25)
unset(ENV{SOCKRUN_SCRIPTS})
unset(ENV{DESTDIR})
file(REMOVE_RECURSE ${WORK})

function(want_run program)
  execute_process(COMMAND ${program} ${ARGN} OUTPUT_VARIABLE said ERROR_VARIABLE said RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${program} ${ARGN}: ${code}\n${said}")
  endif()
  set(said "${said}" PARENT_SCOPE)
endfunction()

function(want_tree prefix)
  foreach(file bin/sockrun share/sockrun/scripts/http.lua share/sockrun/scenario.schema.json
               share/bash-completion/completions/sockrun share/zsh/site-functions/_sockrun
               share/fish/vendor_completions.d/sockrun.fish share/man/man1/sockrun.1
               share/man/man5/sockrun-scenario.5 share/doc/sockrun/LICENSE)
    if(NOT EXISTS ${prefix}/${file})
      message(FATAL_ERROR "${prefix}/${file} is not there")
    endif()
  endforeach()
  want_run(${prefix}/bin/sockrun --version)
  if(NOT said MATCHES "scripts: ${prefix}/share/sockrun/scripts\n")
    message(FATAL_ERROR "it looks for scripts elsewhere:\n${said}")
  endif()
  want_run(${prefix}/bin/sockrun ${EXAMPLE})
endfunction()

want_run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/first)
file(RENAME ${WORK}/first ${WORK}/moved)
want_tree(${WORK}/moved)

set(ENV{DESTDIR} ${WORK}/stage)
want_run(${CMAKE_COMMAND} --install ${BUILD} --prefix /opt/it)
unset(ENV{DESTDIR})
want_tree(${WORK}/stage/opt/it)
file(CREATE_LINK ${WORK}/moved/bin/sockrun ${WORK}/linked SYMBOLIC)
want_run(${WORK}/linked ${EXAMPLE})

# Alone it looks below the prefix that it was made for.
file(COPY ${WORK}/moved/bin/sockrun DESTINATION ${WORK}/alone)
want_run(${WORK}/alone/sockrun --version)
if(NOT said MATCHES "scripts: ${DATA}/sockrun/scripts\n")
  message(FATAL_ERROR "it looks for scripts elsewhere:\n${said}")
endif()
