include(${CMAKE_CURRENT_LIST_DIR}/common.cmake)
# With what has to be written otherwise in URLs, JSON and quotes. Whatever is left of it would show in one of these.
set(password "hunter22&\"x")
set(parts hunt unter nter2 ter22 er22 r22& HVudGVy h1bnRlc odW50ZX 756e746572)
set(ENV{password} "${password}")

function(hides name text)
  foreach(part ${parts})
    string(FIND "${text}" "${part}" at)
    if(at GREATER_EQUAL 0)
      message(SEND_ERROR "${name} shows `${part}`:\n${text}")
    endif()
  endforeach()
  if(NOT text MATCHES "[*][*][*]")
    message(SEND_ERROR "${name} hides nothing:\n${text}")
  endif()
endfunction()

# Every report of one run.
set(reports)
foreach(kind junit tap json jsonl html)
  list(APPEND reports --report-${kind} ${WORK}/${kind})
endforeach()

sockrun(3 "1 passed, 3 failed, 1 error" ${forget} --allow-run --secret password -v ${reports} --report-github --pcap ${WORK}/pcap
        secret.yaml)
hides("the console" "${said}")
foreach(part "S [*]\"" "I sent [*]+, that is [*]+" "out = \"[*]+\"" "err [*]+" " xyz[*]+" "::error file"
             "last messages.*server received 3 bytes \"AB[*]\"")
  if(NOT said MATCHES "${part}")
    message(SEND_ERROR "the console is without `${part}`:\n${said}")
  endif()
endforeach()
foreach(kind junit tap json jsonl html)
  file(READ ${WORK}/${kind} text)
  hides(${kind} "${text}")
endforeach()

# Bytes become as many others: 00 alice 00 stands before the base64 of a secret.
file(READ ${WORK}/pcap text HEX)
foreach(part 756e74 6e7465 746572 32322678)
  if(text MATCHES "${part}")
    message(SEND_ERROR "the capture shows ${part}")
  endif()
endforeach()
if(NOT text MATCHES "7879782a2a2a2a2a2a2a2a2a2a2a" AND NOT text MATCHES "41422a2a2a2a2a2a2a2a2a2a2a0a")
  message(SEND_ERROR "the capture is without AB***********")
endif()

# With the keys of TLS it would show what is masked in it; without a secret they are there.
if(text MATCHES "4b534c54" OR NOT text MATCHES "4b45592a2a2a2a2a2a2a2a2a2a2a2a0a|4b4559202a2a2a2a2a2a2a2a2a2a2a0d0a")
  message(SEND_ERROR "the capture of a TLS session has keys, or shows nothing of it")
endif()
sockrun(0 "1 passed" -q ${forget} --var "password=${password}" -k TLS --pcap ${WORK}/open secret.yaml)
file(READ ${WORK}/open text HEX)
if(NOT text MATCHES "4b534c54")
  message(SEND_ERROR "the capture of a TLS session is without keys")
endif()

# What sockets did; what is said before anything runs; what hides nothing, and is not repeated.
sockrun(3 "tells|sent|send" explain --allow-run --secret password secret.yaml)
hides("explain" "${said}")
sockrun(2 "error: .*PASS [*]+" check --secret "password=${password}" secret_wrong.yaml)
hides("check" "${said}")
sockrun(1 "^sockrun: --secret: 'password': a secret has at least 4 bytes: fewer would be found everywhere\n$" --secret
        password=abc secret.yaml)
sockrun(1 "^sockrun: --secret: 'nobody': it is not in the environment\n$" --secret nobody secret.yaml)
sockrun(1 "'1x': it is NAME=VALUE, or the NAME" --secret 1x=abcdef secret.yaml)
