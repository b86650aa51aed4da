#pragma once
#include <onnxruntime_c_api.h>

#include <cstddef>

/// Who owns what, as the shim sees it.
namespace laneway::faults {

template <class Native>
inline constexpr char kind_of = 0;  // its address tells handles of different types at one address apart

void add(const void* kind, const void* handle, const char* function);
void remove(const void* kind, const void* handle, const char* function);

template <class Native>
void given(Native* handle, const char* function) {
  if (handle) add(&kind_of<Native>, handle, function);
}
template <class Native>
void given_back(Native* handle, const char* function) {
  if (handle) remove(&kind_of<Native>, handle, function);
}

/// Of the table.
void known_to_fail(const char* function);

/// The status of the call that is to fail; null for all others.
OrtStatus* next_call(const OrtApi& real, const char* function);

}  // namespace laneway::faults
