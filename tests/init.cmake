# cmake -D SOCKRUN=<program> -D SCHEMA=<file> -D SCRIPTS=<folder> -D WORK=<folder> -P init.cmake: writes first scenarios, and
# runs them.
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK}/alone)

function(want code program)
  execute_process(COMMAND ${program} ${ARGN} WORKING_DIRECTORY ${WORK} OUTPUT_VARIABLE said ERROR_VARIABLE said
                  RESULT_VARIABLE got)
  if(NOT got EQUAL code)
    message(FATAL_ERROR "${program} ${ARGN}: ${got}, expected ${code}\n${said}")
  endif()
  set(said "${said}" PARENT_SCOPE)
endfunction()

function(want_schema file schema)
  file(STRINGS ${WORK}/${file} first LIMIT_COUNT 1)
  if(NOT first STREQUAL "# yaml-language-server: $schema=${schema}")
    message(FATAL_ERROR "${file} begins with: ${first}")
  endif()
endfunction()

want(0 ${SOCKRUN} init)
if(NOT said MATCHES "sockrun first.yaml +run it")
  message(FATAL_ERROR "it does not say what to do next:\n${said}")
endif()
want_schema(first.yaml ${SCHEMA})
want(0 ${SOCKRUN} first.yaml)

# What is there stays.
file(WRITE ${WORK}/mine.yaml "mine")
want(1 ${SOCKRUN} init mine.yaml)
file(READ ${WORK}/mine.yaml mine)
if(NOT mine STREQUAL "mine")
  message(FATAL_ERROR "it has been written over: ${mine}")
endif()
want(1 ${SOCKRUN} init scenario.txt)
want(1 ${SOCKRUN} init nowhere/x.yaml)

# A program without its schema writes that too, once.
file(COPY ${SOCKRUN} DESTINATION ${WORK})
set(ENV{SOCKRUN_SCRIPTS} ${SCRIPTS})
want(0 ${WORK}/sockrun init alone/a.yaml)
want(0 ${WORK}/sockrun init alone/b.yaml)
want_schema(alone/b.yaml ./scenario.schema.json)
file(READ ${WORK}/alone/scenario.schema.json written)
file(READ ${SCHEMA} made)
if(NOT written STREQUAL "${made}")
  message(FATAL_ERROR "the schema that it has written is another one")
endif()
