# Compiler settings of every target below this folder, whoever wrote it.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

# Whether this build is one that users run: optimised, without asserts and sanitizers.
set(LANEWAY_RELEASE OFF)
if(CMAKE_BUILD_TYPE STREQUAL Release AND NOT LANEWAY_SANITIZE)
  set(LANEWAY_RELEASE ON)
endif()

find_program(LANEWAY_CCACHE ccache)
if(LANEWAY_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${LANEWAY_CCACHE})
endif()

if(LANEWAY_SANITIZE)
  add_compile_options(-fsanitize=${LANEWAY_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${LANEWAY_SANITIZE})
endif()

# Warnings are errors in what we wrote, never in what we include.
function(laneway_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_compile_options(${target} PRIVATE -Wno-restrict)  # gcc 12 sees an overlap in std::string's operator+ (bug 105651)
    if(LANEWAY_SANITIZE)
      target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized)  # gcc's own manual: false under sanitizers
    endif()
  else()
    target_compile_options(${target} PRIVATE -Wno-sign-conversion)  # clang's -Wconversion includes it, gcc's does not
  endif()
endfunction()
