# How the tree's CMakeLists.txt files name their targets. A dependency is a module's name as in LANEWAY_MODULES ("core",
# "engines_ort"), or any other target.
include(GNUInstallDirs)

function(_laneway_dependencies out)
  set(targets)
  foreach(name IN LISTS ARGN)
    if(name IN_LIST LANEWAY_MODULES)
      list(APPEND targets laneway_${name})
    else()
      list(APPEND targets ${name})
    endif()
  endforeach()
  set(${out} ${targets} PARENT_SCOPE)
endfunction()

# laneway_module(<name> SOURCES <file>... [PUBLIC_DEPS <dep>...] [PRIVATE_DEPS <dep>...])
# The archive laneway_<name>. Internal headers are included relative to src/. LanewayInstall gives it the name laneway::<name>.
function(laneway_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;PUBLIC_DEPS;PRIVATE_DEPS")
  add_library(laneway_${name} STATIC ${arg_SOURCES})
  target_include_directories(laneway_${name}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE "${PROJECT_SOURCE_DIR}/src")
  target_compile_features(laneway_${name} PUBLIC cxx_std_20)
  laneway_warnings(laneway_${name})
  _laneway_dependencies(public ${arg_PUBLIC_DEPS})
  target_link_libraries(laneway_${name} PUBLIC ${public})
  foreach(dependency IN LISTS arg_PRIVATE_DEPS)
    if(dependency IN_LIST LANEWAY_MODULES)
      target_link_libraries(laneway_${name} PRIVATE laneway_${dependency})
    else()
      target_link_libraries(laneway_${name} PRIVATE $<BUILD_INTERFACE:${dependency}>)  # headers only: not installed
    endif()
  endforeach()
endfunction()

# laneway_test(<name> SOURCES <file>... DEPS <dep>... [LABELS <label>...] [ENV <NAME=value>...] [NO_SANITIZERS] [ONLY_RELEASE])
# One GoogleTest program, which ctest runs from the source folder and which leaves test-results/<name>.xml in the build folder.
function(laneway_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "NO_SANITIZERS;ONLY_RELEASE" "" "SOURCES;DEPS;LABELS;ENV")
  if(NOT LANEWAY_BUILD_TESTS
     OR (arg_NO_SANITIZERS AND LANEWAY_SANITIZE)
     OR (arg_ONLY_RELEASE AND NOT LANEWAY_RELEASE))
    return()
  endif()
  add_executable(${name} ${arg_SOURCES})
  _laneway_dependencies(dependencies ${arg_DEPS})
  target_link_libraries(${name} PRIVATE ${dependencies} GTest::gmock GTest::gtest_main)
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/tests")
  target_compile_definitions(${name} PRIVATE
    LANEWAY_TEST_SOURCE_DIR="${PROJECT_SOURCE_DIR}" LANEWAY_TEST_BUILD_DIR="${PROJECT_BINARY_DIR}"
    LANEWAY_TEST_DEPS_DIR="${LANEWAY_DEPS_DIR}")
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/test-programs")
  laneway_warnings(${name})

  add_test(NAME ${name} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
           COMMAND ${name} --gtest_output=xml:${PROJECT_BINARY_DIR}/test-results/${name}.xml)
  set(environment ${arg_ENV})
  if(LANEWAY_SANITIZE)
    list(APPEND environment "ASAN_OPTIONS=strict_string_checks=1:detect_stack_use_after_return=1"
         "UBSAN_OPTIONS=print_stacktrace=1" "TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/cmake/tsan.supp:halt_on_error=1")
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}" ENVIRONMENT "${environment}" TIMEOUT 900)
endfunction()
