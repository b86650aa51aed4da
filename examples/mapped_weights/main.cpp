#include <charconv>
#include <cstring>
#include <iostream>
#include <vector>

#include "laneway/graph/onnx/model_view.h"
#include "laneway/memory/mapped_file.h"
#include "laneway/ort/binding.h"

// Opens two sessions of a model whose weights lie in another file. That is mapped, not read: both use the kernel's one copy of it.
using namespace laneway;

// Each weight that the model keeps in a file beside it, mapped where it lies there.
Expected<std::vector<ort::Initializer>> map_weights(const std::filesystem::path& model) {
  LANEWAY_TRY_ASSIGN(const auto environment, ort::Environment::get());
  LANEWAY_TRY_ASSIGN(const MappedFile file, MappedFile::open(model));
  LANEWAY_TRY_ASSIGN(const onnx::ModelView view, onnx::parse(file.data()));
  std::vector<ort::Initializer> weights;
  for (const onnx::TensorView& weight : view.graph.initializers) {
    const auto* outside = std::get_if<onnx::ExternalData>(&weight.data);
    if (!outside) continue;
    const ort::MappedTensor where = {.path = model.parent_path() / outside->location,
                                     .dtype = weight.dtype,
                                     .shape = weight.shape,
                                     .offset = static_cast<std::size_t>(outside->offset)};
    LANEWAY_TRY_ASSIGN(weights.emplace_back(), ort::map_initializer(*environment, std::string(weight.name), where));
    std::cout << weight.name << ": " << to_string(weight.shape) << " at " << where.offset << " of " << outside->location << '\n';
  }
  return weights;
}

Expected<> run(const std::shared_ptr<const ort::Session>& session, std::vector<std::int64_t>& ids) {
  LANEWAY_TRY_ASSIGN(ort::Binding binding, ort::Binding::make(session));
  LANEWAY_TRY_ASSIGN(const ort::Value input, ort::Value::borrow(session->environment()->host_memory(), ids.data(),
                                                                ids.size() * sizeof(ids[0]), DType::i64, {ids.size()}));
  LANEWAY_TRY(binding.bind_input(0, input));
  LANEWAY_TRY(binding.bind_output(0));
  LANEWAY_TRY_ASSIGN(ort::RunOptions options, ort::RunOptions::make(session->library()));
  LANEWAY_TRY(binding.run(options));
  LANEWAY_TRY_ASSIGN(const ort::Value* output, binding.output(0));
  LANEWAY_TRY_ASSIGN(const ort::TensorView view, output->tensor());
  LANEWAY_TRY_ASSIGN(const auto elements, view.elements<float>());
  for (const float element : elements) std::cout << element << ' ';
  std::cout << '\n';
  return {};
}

Expected<> run_twice(const std::filesystem::path& model, std::vector<std::int64_t> ids) {
  LANEWAY_TRY_ASSIGN(auto weights, map_weights(model));
  const ort::SessionSpec spec = {.model = ort::ModelPath{model}, .shared_initializers = std::move(weights)};
  LANEWAY_TRY_ASSIGN(const auto one, ort::Session::open(spec));
  LANEWAY_TRY_ASSIGN(const auto other, ort::Session::open(spec));
  LANEWAY_TRY(run(one, ids));
  return run(other, ids);
}

int main(int argc, char** argv) {
  std::vector<std::int64_t> ids;
  for (int i = 2; i < argc; ++i) std::from_chars(argv[i], argv[i] + std::strlen(argv[i]), ids.emplace_back());
  const auto result =
      argc > 2 ? run_twice(argv[1], std::move(ids)) : Error(ErrorCode::invalid_argument, "usage: mapped_weights MODEL NUMBER...");
  if (!result) std::cerr << result.error().message() << '\n';
  return result ? 0 : 1;
}
