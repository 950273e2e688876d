# Fault injection (net/faults.h): sockrun_inject_faults(target) for tests, and `sockrun-faults`, the whole program, which
# takes its plan from SOCKRUN_TEST_FAULTS.
set(SOCKRUN_FAULTS_SOURCE ${CMAKE_CURRENT_LIST_DIR}/net/faults.c)
set(SOCKRUN_FAULTS_FOLDER ${CMAKE_CURRENT_LIST_DIR})

function(sockrun_inject_faults target)
  target_sources(${target} PRIVATE ${SOCKRUN_FAULTS_SOURCE})
  target_include_directories(${target} PRIVATE ${SOCKRUN_FAULTS_FOLDER})
  foreach(call recv recvmsg send sendto read write accept4 socket connect epoll_wait epoll_ctl)
    target_link_options(${target} PRIVATE -Wl,--wrap=${call})
  endforeach()
endfunction()

foreach(target net_test_faults)
  if(TARGET ${target})
    sockrun_inject_faults(${target})
  endif()
endforeach()

if(TARGET sockrun)
  file(GLOB faulty_rooms CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/runner/cli/*.c)
  add_executable(sockrun-faults ${faulty_rooms})
  target_link_libraries(sockrun-faults PRIVATE layer_run ${EDIT_ALL})
  target_include_directories(sockrun-faults SYSTEM PRIVATE ${EDIT_INCLUDE_DIRS})
  target_compile_definitions(sockrun-faults PRIVATE $<TARGET_PROPERTY:sockrun,COMPILE_DEFINITIONS>)
  sockrun_inject_faults(sockrun-faults)

  # NAME FILE CODE: ends with CODE, whatever the system does.
  function(sockrun_faults name file code)
    add_test(NAME faults/${name} COMMAND ${CMAKE_COMMAND} -D SOCKRUN=$<TARGET_FILE:sockrun-faults> -D FILE=${file} -D CODE=${code}
                                         -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/faults_run.cmake)
    set_tests_properties(faults/${name} PROPERTIES ENVIRONMENT_MODIFICATION PATH=path_list_append:/usr/sbin ENVIRONMENT
                                                   SOCKRUN_SCRIPTS=${CMAKE_SOURCE_DIR}/scripts LABELS faults TIMEOUT 600)
  endfunction()

  file(GLOB_RECURSE files CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/scenarios ${CMAKE_SOURCE_DIR}/scenarios/*.yaml)
  # How a reset comes about there depends on what has been sent when the peer closes; a SYN that is not answered takes its
  # second each time; what socat and openssl read in pieces they send as several datagrams.
  list(FILTER files EXCLUDE REGEX "(^|/)include/|^failure/reset\\.yaml$|^tcp/syn_sent\\.yaml$|^udp/socat|^tls/dtls_openssl\\.yaml$")
  # Without room an alert of DTLS is lost, and who waits for it does so as long as it may; so a question of dig's.
  list(FILTER files EXCLUDE REGEX "^tls/dtls_(certificates|lossy)\\.yaml$|^proxy/dig\\.yaml$")
  # These servers want a message whole in one segment; that one takes long to start.
  list(FILTER files EXCLUDE REGEX "^modules/(microsocks|pymodbus|postgresql)\\.yaml$")
  # This client wants the answer to STARTTLS whole in one segment.
  list(FILTER files EXCLUDE REGEX "^tls/openssl_starttls\\.yaml$")
  foreach(file ${files})
    string(REGEX REPLACE "\\.yaml$" "" name ${file})
    sockrun_faults(${name} ${CMAKE_SOURCE_DIR}/scenarios/${file} 0)
  endforeach()
endif()
