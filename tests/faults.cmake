# Fault injection (net/faults.h): sockrun_inject_faults(target) for tests, and `sockrun-faults`, the whole program, which
# takes its plan from SOCKRUN_TEST_FAULTS.
set(SOCKRUN_FAULTS_SOURCE ${CMAKE_CURRENT_LIST_DIR}/net/faults.c)
set(SOCKRUN_FAULTS_FOLDER ${CMAKE_CURRENT_LIST_DIR})

function(sockrun_inject_faults target)
  target_sources(${target} PRIVATE ${SOCKRUN_FAULTS_SOURCE})
  target_include_directories(${target} PRIVATE ${SOCKRUN_FAULTS_FOLDER})
  foreach(call recv send read write accept4 socket connect epoll_wait epoll_ctl)
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
  target_link_libraries(sockrun-faults PRIVATE layer_run)
  target_compile_definitions(sockrun-faults PRIVATE $<TARGET_PROPERTY:sockrun,COMPILE_DEFINITIONS>)
  sockrun_inject_faults(sockrun-faults)
endif()
