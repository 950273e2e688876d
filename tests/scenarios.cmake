# What the program says and how it ends, over files.
find_program(VALGRIND valgrind)
# Where Debian has servers, and not every user looks.
set(servers ENVIRONMENT_MODIFICATION PATH=path_list_append:/usr/sbin)
set(counted "^[0-9]+ errors? in [0-9]+ files?$")

# NAME CODES ARGS...: files, or a command with files, where leaks and wrong reads show. Its exit code matches CODES. Files
# are taken together, since most of the time goes into the start of a process.
if(VALGRIND AND NOT SOCKRUN_SANITIZE)
  add_executable(sockrun-valgrind $<TARGET_PROPERTY:sockrun,SOURCES> valgrind_shim.c)
  target_link_libraries(sockrun-valgrind PRIVATE layer_run ${EDIT_ALL})
  target_include_directories(sockrun-valgrind SYSTEM PRIVATE ${EDIT_INCLUDE_DIRS})
  target_link_options(sockrun-valgrind PRIVATE -Wl,--wrap=syscall)
  target_compile_definitions(sockrun-valgrind PRIVATE $<TARGET_PROPERTY:sockrun,COMPILE_DEFINITIONS>)
endif()
function(sockrun_valgrind name codes)
  if(TARGET sockrun-valgrind)
    list(JOIN ARGN "|" arguments)
    string(REPLACE "/" "-" logs ${name})
    add_test(NAME valgrind/${name}
             COMMAND ${CMAKE_COMMAND} -D SOCKRUN=$<TARGET_FILE:sockrun-valgrind> -D CODES=${codes} -D
                     ARGUMENTS=${arguments} -D LOGS=${CMAKE_CURRENT_BINARY_DIR}/valgrind/${logs} -P
                     ${CMAKE_CURRENT_SOURCE_DIR}/valgrind.cmake)
    set_tests_properties(valgrind/${name} PROPERTIES ${servers} ENVIRONMENT SOCKRUN_SCRIPTS=${CMAKE_SOURCE_DIR}/scripts
                                                     LABELS valgrind TIMEOUT 180)
  endif()
endfunction()

# Good ones pass. Folders named `include` hold what others include.
file(GLOB_RECURSE files CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/scenarios ${CMAKE_SOURCE_DIR}/scenarios/*.yaml)
list(FILTER files EXCLUDE REGEX "(^|/)include/")
foreach(file ${files})
  string(REGEX REPLACE "\\.yaml$" "" name ${file})
  set(path ${CMAKE_SOURCE_DIR}/scenarios/${file})
  add_test(NAME scenarios/${name} COMMAND sockrun --allow-run ${path})
  set_tests_properties(scenarios/${name} PROPERTIES ${servers} LABELS scenario TIMEOUT 60)
  get_filename_component(topic scenarios/${file} DIRECTORY)
  list(APPEND topics ${topic})
  list(APPEND paths_${topic} ${path})
endforeach()
list(REMOVE_DUPLICATES topics)
foreach(topic ${topics})
  sockrun_valgrind(${topic} ^0$ --allow-run --timeout-scale 20 ${paths_${topic}})
endforeach()

# So do those that go through the language feature by feature.
set(folder ${CMAKE_CURRENT_SOURCE_DIR}/scenarios/passing)
file(GLOB files CONFIGURE_DEPENDS RELATIVE ${folder} ${folder}/*.yaml)
foreach(file ${files})
  string(REGEX REPLACE "\\.yaml$" "" name ${file})
  add_test(NAME passing/${name} COMMAND sockrun ${folder}/${file})
  set_tests_properties(passing/${name} PROPERTIES LABELS scenario TIMEOUT 60)
endforeach()
list(TRANSFORM files PREPEND ${folder}/)
sockrun_valgrind(passing ^0$ --timeout-scale 20 ${files})

# Those that need more than loopback's own addresses.
set(folder ${CMAKE_CURRENT_SOURCE_DIR}/scenarios/net)
file(GLOB files CONFIGURE_DEPENDS RELATIVE ${folder} ${folder}/*.yaml)
foreach(file ${files})
  string(REGEX REPLACE "\\.yaml$" "" name ${file})
  add_test(NAME net/scenarios/${name} COMMAND sockrun --allow-net --allow-run ${folder}/${file})
  set_tests_properties(net/scenarios/${name} PROPERTIES LABELS scenario TIMEOUT 60)
endforeach()
list(TRANSFORM files PREPEND ${folder}/)
sockrun_valgrind(net/scenarios ^0$ --allow-net --allow-run --timeout-scale 20 ${files})

# What a failure says does not depend on how the bytes were cut; only what has come so far does.
set(folder ${CMAKE_CURRENT_SOURCE_DIR}/scenarios/failing)
set(so_far "^   (got|expected|connection|before|server|client) |^ +[0-9a-f][0-9a-f][0-9a-f][0-9a-f] ")
foreach(chunk 1 2 3 5 7 65536)
  add_test(NAME cuts/${chunk} WORKING_DIRECTORY ${folder}
           COMMAND golden --without ${so_far} ${folder}/framing.cuts 4 $<TARGET_FILE:sockrun> --var chunk=${chunk}
                   framing.yaml)
  set_tests_properties(cuts/${chunk} PROPERTIES LABELS scenario TIMEOUT 60)
endforeach()

# Test scripts in Lua, which pass.
set(scripts)
foreach(folder scenarios/lua tests/scripts/passing)
  file(GLOB files CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/${folder} ${CMAKE_SOURCE_DIR}/${folder}/*.lua)
  foreach(file ${files})
    string(REGEX REPLACE "\\.lua$" "" name ${file})
    set(path ${CMAKE_SOURCE_DIR}/${folder}/${file})
    add_test(NAME scripts/${name} COMMAND sockrun --allow-run --var given=yes ${path})
    set_tests_properties(scripts/${name} PROPERTIES ${servers} LABELS scenario TIMEOUT 60)
    list(APPEND scripts ${path})
  endforeach()
endforeach()
sockrun_valgrind(scripts ^0$ --allow-run --timeout-scale 20 --var given=yes ${scripts})

# Those that fail, with the options of NAME.args: what they say, and the code of NAME.exit, else 3.
set(folder ${CMAKE_CURRENT_SOURCE_DIR}/scripts/failing)
file(GLOB files CONFIGURE_DEPENDS RELATIVE ${folder} ${folder}/*.lua ${folder}/*.yaml)
foreach(file ${files})
  string(REGEX REPLACE "\\.(lua|yaml)$" "" name ${file})
  set(code 3)
  set(options)
  foreach(extra exit args)
    if(EXISTS ${folder}/${name}.${extra})
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${folder}/${name}.${extra})
    endif()
  endforeach()
  if(EXISTS ${folder}/${name}.exit)
    file(STRINGS ${folder}/${name}.exit code)
  endif()
  if(EXISTS ${folder}/${name}.args)
    file(STRINGS ${folder}/${name}.args options)
  endif()
  add_test(NAME scripts/failing/${name} WORKING_DIRECTORY ${folder}
           COMMAND golden ${folder}/${name}.out ${code} $<TARGET_FILE:sockrun> ${options} ${file})
  set_tests_properties(scripts/failing/${name} PROPERTIES ${servers} LABELS scenario TIMEOUT 120)
endforeach()

# Failing ones say exactly what FILE.out holds, and end with 4 or what FILE.exit says.
set(folder ${CMAKE_CURRENT_SOURCE_DIR}/scenarios/failing)
file(GLOB files CONFIGURE_DEPENDS RELATIVE ${folder} ${folder}/*.yaml)
foreach(file ${files})
  string(REGEX REPLACE "\\.yaml$" "" name ${file})
  set(code 4)
  if(EXISTS ${folder}/${name}.exit)
    file(STRINGS ${folder}/${name}.exit code)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${folder}/${name}.exit)
  endif()
  add_test(NAME failing/${name} WORKING_DIRECTORY ${folder}
           COMMAND golden ${folder}/${name}.out ${code} $<TARGET_FILE:sockrun> --allow-run ${file})
  set_tests_properties(failing/${name} PROPERTIES ${servers} LABELS scenario TIMEOUT 60)
endforeach()
list(TRANSFORM files PREPEND ${folder}/)
sockrun_valgrind(failing ^[34]$ --allow-run --timeout-scale 2 ${files})

# What they say when the system runs out of something: NAME.plan (net/faults.h) says of what.
if(TARGET sockrun-faults)
  set(folder ${CMAKE_CURRENT_SOURCE_DIR}/scenarios/faults)
  file(GLOB files CONFIGURE_DEPENDS RELATIVE ${folder} ${folder}/*.yaml)
  foreach(file ${files})
    string(REGEX REPLACE "\\.yaml$" "" name ${file})
    set(code 4)
    foreach(extra exit plan)
      if(EXISTS ${folder}/${name}.${extra})
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${folder}/${name}.${extra})
      endif()
    endforeach()
    if(EXISTS ${folder}/${name}.exit)
      file(STRINGS ${folder}/${name}.exit code)
    endif()
    file(STRINGS ${folder}/${name}.plan plan)
    add_test(NAME exhausted/${name} WORKING_DIRECTORY ${folder}
             COMMAND golden ${folder}/${name}.out ${code} $<TARGET_FILE:sockrun-faults> --allow-run ${file})
    set_tests_properties(exhausted/${name} PROPERTIES ENVIRONMENT SOCKRUN_TEST_FAULTS=${plan} LABELS scenario TIMEOUT 60)
  endforeach()
endif()

# What is said where there is no IPv6: in a network of its own, without it.
foreach(name refused skipped)
  set(code_refused 3)
  set(code_skipped 0)
  add_test(NAME without_ipv6/${name} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/scenarios/without_ipv6
           COMMAND unshare --net sh ${CMAKE_CURRENT_SOURCE_DIR}/without_ipv6.sh $<TARGET_FILE:golden> ${name}.out
                   ${code_${name}} $<TARGET_FILE:sockrun> ${name}.yaml)
  set_tests_properties(without_ipv6/${name} PROPERTIES LABELS scenario TIMEOUT 60 SKIP_REGULAR_EXPRESSION
                                                       "unshare failed")
endforeach()

# What is wrong in a file, and where: exactly NAME.txt.
set(folder ${CMAKE_CURRENT_SOURCE_DIR}/diagnostics)
file(GLOB files CONFIGURE_DEPENDS RELATIVE ${folder} ${folder}/*.yaml)
foreach(file ${files})
  string(REGEX REPLACE "\\.yaml$" "" name ${file})
  set(code 2)
  if(EXISTS ${folder}/${name}.txt)
    file(SIZE ${folder}/${name}.txt size)
    if(size EQUAL 0)
      set(code 0)
    endif()
  endif()
  add_test(NAME diagnostics/${name} WORKING_DIRECTORY ${folder}
           COMMAND golden --exact --without ${counted} ${folder}/${name}.txt ${code} $<TARGET_FILE:sockrun> check -q
                   ${file})
  set_tests_properties(diagnostics/${name} PROPERTIES LABELS diagnostics TIMEOUT 60)
endforeach()
list(TRANSFORM files PREPEND ${folder}/)
sockrun_valgrind(diagnostics ^2$ check -q ${files})

# Several files at once: what is wrong in each of them, and how much that is.
add_test(NAME diagnostics/together WORKING_DIRECTORY ${folder}
         COMMAND golden --exact ${folder}/together.txt 2 $<TARGET_FILE:sockrun> check -q sync.yaml names_queue.yaml
                 yaml_syntax.yaml several.yaml)
set_tests_properties(diagnostics/together PROPERTIES LABELS diagnostics TIMEOUT 60)

# The references of steps and modules are those that the program writes.
foreach(reference steps modules)
  add_test(NAME docs/${reference} COMMAND golden --exact ${CMAKE_SOURCE_DIR}/docs/${reference}.md 0
                                          $<TARGET_FILE:sockrun> ${reference} --markdown)
  set_tests_properties(docs/${reference} PROPERTIES ENVIRONMENT SOCKRUN_SCRIPTS=${CMAKE_SOURCE_DIR}/scripts LABELS docs)
endforeach()
