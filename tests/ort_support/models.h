#pragma once
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "laneway/ort/binding.h"
#include "models/models.h"

/// What the tests of foundation ort share.
namespace laneway::ort {

/// What the result holds; where it is an error, the test fails with its text.
template <class T>
T take(Expected<T> result) {
  if (!result) ADD_FAILURE() << name(result.error().code()) << ": " << result.error().message();
  return *std::move(result);
}
inline void take(const Expected<>& result) {
  if (!result) ADD_FAILURE() << name(result.error().code()) << ": " << result.error().message();
}

/// "invalid_argument: ...", or "success".
template <class T>
std::string outcome(const Expected<T>& result) {
  if (result) return "success";
  return std::string(name(result.error().code())) + ": " + std::string(result.error().message());
}

inline SessionSpec spec_of(const std::string& model) { return {.model = ModelBytes{test_models::as_bytes(model)}}; }

inline std::shared_ptr<const Session> open_model(const std::string& model) { return take(Session::open(spec_of(model))); }

/// A value over the vector's memory.
template <class T>
Value over(std::vector<T>& elements, const Shape& shape) {
  const auto environment = take(Environment::get());
  return take(Value::borrow(environment->host_memory(), elements.data(), elements.size() * sizeof(T), dtype_of<T>::value, shape));
}

template <class T>
std::vector<T> elements_of(const Value& value) {
  const TensorView view = take(value.tensor());
  EXPECT_EQ(view.dtype, dtype_of<T>::value);
  const T* first = static_cast<const T*>(view.data);
  return std::vector<T>(first, first + view.bytes / sizeof(T));
}

/// Runs once with all outputs of the engine's own.
inline std::vector<Value> run_once(const std::shared_ptr<const Session>& session, const std::vector<const Value*>& inputs) {
  Binding binding = take(Binding::make(session));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i]) take(binding.bind_input(i, *inputs[i]));
  }
  for (std::size_t i = 0; i < session->outputs().size(); ++i) take(binding.bind_output(i));
  RunOptions options = take(RunOptions::make(session->library()));
  take(binding.run(options));
  std::vector<Value> outputs;
  for (std::size_t i = 0; i < session->outputs().size(); ++i) outputs.push_back(std::move(*take(binding.output(i))));
  return outputs;
}

}  // namespace laneway::ort
