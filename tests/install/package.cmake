# cmake -D BUILD=<folder> -D EXAMPLE=<scenario> -D WORK=<folder> -D CPACK=<program> -D MMDEBSTRAP=<program> -P package.cmake:
# makes the package, installs it in a root with nothing but what it depends on, and runs an example there that needs a
# module.
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})

function(output ret_said)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE said ERROR_VARIABLE said RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${ARGN}: ${code}\n${said}")
  endif()
  set(${ret_said} "${said}" PARENT_SCOPE)
endfunction()

output(said ${CPACK} -G DEB --config ${BUILD}/CPackConfig.cmake -B ${WORK})
file(GLOB package ${WORK}/*.deb)
output(depends dpkg-deb -f ${package} Depends)
output(files dpkg-deb -c ${package})
output(control dpkg-deb --ctrl-tarfile ${package})
if(NOT depends MATCHES "libc6")
  message(FATAL_ERROR "it depends on: ${depends}")
endif()
foreach(file bin/sockrun share/sockrun/scripts/http.lua share/sockrun/scenario.schema.json share/man/man1/sockrun.1.gz
             share/man/man5/sockrun-scenario.5.gz share/bash-completion/completions/sockrun
             share/zsh/vendor-completions/_sockrun share/fish/vendor_completions.d/sockrun.fish
             share/doc/sockrun/copyright)
  string(FIND "${files}" " ./usr/${file}\n" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "${file} is not in it:\n${files}")
  endif()
endforeach()
if(files MATCHES " \\./(etc|usr/local)/")
  message(FATAL_ERROR "something is in the wrong place:\n${files}")
endif()

execute_process(COMMAND id -u OUTPUT_VARIABLE user OUTPUT_STRIP_TRAILING_WHITESPACE)
if(NOT user EQUAL 0)
  message(STATUS "skipped: a root is made by root")
  return()
endif()
string(REGEX REPLACE " *\\([^)]*\\)|\n" "" depends "${depends}")
string(REPLACE ", " "," depends "${depends}")
file(STRINGS /etc/os-release release REGEX "^VERSION_CODENAME=")
string(REGEX REPLACE ".*=" "" release "${release}")
set(hooks)
foreach(hook "echo the root is there" "upload ${package} /sockrun.deb" "upload ${EXAMPLE} /example.yaml"
             "chroot \"$1\" dpkg -i /sockrun.deb" "chroot \"$1\" sockrun /example.yaml"
             "chroot \"$1\" dpkg -P sockrun")
  list(APPEND hooks "--customize-hook=${hook}")
endforeach()
set(ENV{TMPDIR} ${WORK})
execute_process(COMMAND ${MMDEBSTRAP} --variant=essential --include=${depends} ${hooks} ${release} /dev/null
                OUTPUT_VARIABLE said ERROR_VARIABLE said RESULT_VARIABLE code)
if(NOT said MATCHES "the root is there\n")
  message(STATUS "skipped: there is no root to install it in\n${said}")
elseif(NOT code EQUAL 0 OR NOT said MATCHES "1 passed in")
  message(FATAL_ERROR "${code}\n${said}")
endif()
