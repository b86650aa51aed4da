# What scripts/setup brings. Headers of ONNX Runtime are needed to build, its library only to run: it is opened with dlopen.
set(LANEWAY_DEPS_DIR "${PROJECT_SOURCE_DIR}/.deps")
foreach(name IN ITEMS LANEWAY_ORT_ROOT LANEWAY_ORT_LIBRARY)
  if(NOT DEFINED ${name} AND DEFINED ENV{${name}})
    set(${name} "$ENV{${name}}")
  endif()
endforeach()
set(LANEWAY_ORT_ROOT "${LANEWAY_DEPS_DIR}/onnxruntime" CACHE PATH "A folder with ONNX Runtime's include/ and lib/")
set(LANEWAY_ORT_LIBRARY "${LANEWAY_ORT_ROOT}/lib/libonnxruntime.so" CACHE FILEPATH "The libonnxruntime.so that is opened when nobody names one")

# onnxruntime_c_api.h, and nothing to link.
add_library(laneway_ort_headers INTERFACE)
if(EXISTS "${LANEWAY_ORT_ROOT}/include/onnxruntime/onnxruntime_c_api.h")
  target_include_directories(laneway_ort_headers SYSTEM INTERFACE "${LANEWAY_ORT_ROOT}/include/onnxruntime")
else()
  target_include_directories(laneway_ort_headers SYSTEM INTERFACE "${LANEWAY_ORT_ROOT}/include")
endif()

find_package(nlohmann_json REQUIRED)
if(LANEWAY_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()
