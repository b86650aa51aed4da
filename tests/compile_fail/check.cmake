# cmake -D COMPILER=... -D INCLUDE=... -D SOURCE=... -P check.cmake
set(compile "${COMPILER}" -std=c++20 -Wall -Wextra -Werror -fsyntax-only "-I${INCLUDE}" "${SOURCE}")

execute_process(COMMAND ${compile} RESULT_VARIABLE status ERROR_VARIABLE messages)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "the good half of ${SOURCE} does not compile:\n${messages}")
endif()

file(STRINGS "${SOURCE}" first_line LIMIT_COUNT 1)
if(NOT first_line MATCHES "^// refused: (.+)$")
  message(FATAL_ERROR "${SOURCE} must begin with: // refused: <regular expression>")
endif()
set(reason "${CMAKE_MATCH_1}")
execute_process(COMMAND ${compile} -DMISUSE RESULT_VARIABLE status ERROR_VARIABLE messages)
if(status EQUAL 0)
  message(FATAL_ERROR "the misuse in ${SOURCE} compiles")
elseif(NOT messages MATCHES "${reason}")
  message(FATAL_ERROR "the misuse in ${SOURCE} is refused, but not with \"${reason}\":\n${messages}")
endif()
