#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "cli/bench_model.h"
#include "cli/model_file.h"
#include "laneway/engine/check.h"

namespace laneway::cli {
namespace {

constexpr std::size_t variations_max = 16;
constexpr std::size_t variation_bytes_max = std::size_t{64} << 20;  // of all variations together, unless two take more

// Whether any run differs from any other in what it is given.
bool varies(const GivenInputs& given) {
  return std::ranges::any_of(given.inputs,
                             [](const GivenInput& input) { return std::holds_alternative<RandomElements>(input.source); });
}

Expected<bench::Workload> workload_of(const std::filesystem::path& model, const std::vector<Port>& outputs,
                                      const GivenInputs& given, const BenchSpec& spec) {
  bench::Workload workload{
      .model = model, .dimensions = given.dimensions, .threads = spec.threads, .lanes = spec.lanes, .ort = spec.ort};
  if (outputs.empty()) return Error(ErrorCode::invalid_argument, model.native() + ": model: has no outputs");
  std::vector<Port> inputs;
  std::vector<Shape> shapes;
  for (const GivenInput& input : given.inputs) {
    if (!input.port.dense())
      return Error(ErrorCode::unimplemented, fmt::format("input {}: is no tensor of numbers", input.port.name));
    workload.inputs.push_back({input.port.name, input.port.dtype, input.shape});
    inputs.push_back(input.port);
    shapes.push_back(input.shape);
  }
  for (const Port& output : outputs) {
    if (!output.dense()) return Error(ErrorCode::unimplemented, fmt::format("output {}: is no tensor of numbers", output.name));
    workload.outputs.push_back({output.name, output.dtype, shape_of_output(inputs, shapes, output, nullptr)});
  }
  return workload;
}

}  // namespace

Expected<std::unique_ptr<BenchWorkload>> BenchWorkload::make(const std::filesystem::path& model, const BenchSpec& spec) {
  auto result = std::make_unique<BenchWorkload>();
  LANEWAY_TRY_ASSIGN(const ModelDescription description, read_model(model));
  LANEWAY_TRY_ASSIGN(result->given_, resolve_inputs(description.inputs, flags_for(description.inputs, spec.inputs)));
  LANEWAY_TRY_ASSIGN(result->workload_, workload_of(model, description.outputs, result->given_, spec));
  LANEWAY_TRY_ASSIGN(result->buffers_, bench::allocate_buffers(result->workload_));

  std::size_t bytes = 1;
  for (const Buffer& input : result->buffers_.front().inputs) bytes += input.bytes();
  const std::size_t count = varies(result->given_) ? std::clamp<std::size_t>(variation_bytes_max / bytes, 2, variations_max) : 1;
  for (std::size_t variation = 0; variation < count; ++variation) {
    std::vector<Buffer>& inputs = result->variations_.emplace_back();
    for (std::size_t i = 0; i < result->given_.inputs.size(); ++i) {
      LANEWAY_TRY_ASSIGN(Buffer buffer, Buffer::allocate(result->buffers_.front().inputs[i].bytes()));
      result->given_.inputs[i].fill(buffer.data(), spec.inputs.seed, variation);
      inputs.push_back(std::move(buffer));
    }
  }
  return result;
}

void BenchWorkload::prepare(std::size_t lane, std::uint64_t turn) noexcept {
  const std::vector<Buffer>& variation = variations_[(turn + lane) % variations_.size()];
  std::vector<Buffer>& inputs = buffers_[lane].inputs;
  for (std::size_t i = 0; i < inputs.size(); ++i) std::memcpy(inputs[i].data(), variation[i].data(), inputs[i].bytes());
}

}  // namespace laneway::cli
