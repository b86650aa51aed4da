#include "engines/ort/weights.h"

#include <algorithm>
#include <climits>
#include <cstring>
#include <protozero/pbf_reader.hpp>
#include <set>
#include <string>
#include <utility>

#include "laneway/graph/onnx/schema.h"

namespace laneway::engines_ort {
namespace {

namespace schema = onnx::schema;

Error no_weight(const onnx::ModelView& model, const std::string& name) {
  constexpr std::size_t listed_max = 8;
  std::string names;
  for (std::size_t i = 0; i < model.graph.initializers.size() && i < listed_max; ++i) {
    names.append(i == 0 ? "" : ", ").append(model.graph.initializers[i].name);
  }
  const std::size_t count = model.graph.initializers.size();
  if (count > listed_max) names += " and " + std::to_string(count - listed_max) + " more";
  return Error(ErrorCode::not_found,
               "weight " + name + ": the model has none of this name: expected one of: " + (count == 0 ? "none" : names));
}

Expected<> check_weight(const onnx::TensorView& declared, const WeightOverride& weight) {
  const auto refuse = [&](const std::string& what, const std::string& expected, const std::string& got) {
    return Error(ErrorCode::invalid_argument, "weight " + weight.name + ": " + what + ": expected " + expected + ", got " + got);
  };
  if (weight.dtype != declared.dtype) {
    return refuse("wrong dtype", std::string(name(declared.dtype)), std::string(name(weight.dtype)));
  }
  if (weight.shape != declared.shape) return refuse("wrong shape", to_string(declared.shape), to_string(weight.shape));
  LANEWAY_TRY_ASSIGN(const std::size_t bytes, byte_count(weight.dtype, weight.shape));
  if (weight.memory.bytes != bytes) {
    return refuse("wrong length", std::to_string(bytes) + " bytes", std::to_string(weight.memory.bytes));
  }
  if (!weight.memory.data && bytes != 0) return refuse("no memory", std::to_string(bytes) + " bytes", "a null address");
  if (weight.memory.placement == Placement::device) return refuse("wrong place", "host memory", "device memory");
  return {};
}

constexpr std::size_t alignment_bytes = 64;

// Appends to memory that is large enough; without memory it counts.
class Output {
 public:
  explicit Output(std::byte* to) : to_(to) {}

  std::size_t size() const noexcept { return size_; }
  const std::byte* at(std::size_t position) const noexcept { return to_ ? to_ + position : nullptr; }

  void bytes(std::span<const std::byte> source) {
    if (to_ && !source.empty()) std::memcpy(to_ + size_, source.data(), source.size());
    size_ += source.size();
  }
  void byte(std::size_t value) {
    if (to_) to_[size_] = static_cast<std::byte>(value);
    ++size_;
  }
  void tag(std::uint32_t field) { byte(field << 3 | 2); }  // of a field with a length; all that are written here are below 16

  // A length that takes five bytes whatever it is, so that the place of what follows does not depend on it.
  std::size_t open_length() {
    for (int i = 0; i < 5; ++i) byte(0);
    return size_;
  }
  void close_length(std::size_t opened) {
    if (!to_) return;
    const std::size_t length = size_ - opened;
    for (std::size_t i = 0; i < 5; ++i)
      to_[opened - 5 + i] = static_cast<std::byte>((length >> 7 * i & 0x7f) | (i < 4 ? 0x80 : 0));
  }

 private:
  std::byte* to_;
  std::size_t size_ = 0;
};

std::span<const std::byte> bytes_of(const protozero::data_view& view) {
  return std::as_bytes(std::span(view.data(), view.size()));
}

// Calls visit(field, reader, whole field) for each field of a message; visit reads the field or leaves it.
template <class Visit>
void for_each_field(std::span<const std::byte> message, Visit&& visit) {
  protozero::pbf_reader reader(reinterpret_cast<const char*>(message.data()), message.size());
  while (!reader.data().empty()) {
    const char* const begin = reader.data().data();
    reader.next();
    protozero::pbf_reader after = reader;
    after.skip();
    visit(reader.tag(), reader, std::as_bytes(std::span(begin, after.data().data())));
    reader = after;
  }
}

std::string_view name_of(std::span<const std::byte> tensor) {
  std::string_view name;
  for_each_field(tensor, [&](std::uint32_t field, protozero::pbf_reader reader, auto) {
    if (field != schema::TensorProto::name) return;
    const protozero::data_view text = reader.get_view();
    name = {text.data(), text.size()};
  });
  return name;
}

// All of a tensor but its elements, and what says where they are.
bool is_kept(std::uint32_t field) {
  using Tensor = schema::TensorProto;
  return field == Tensor::dims || field == Tensor::data_type || field == Tensor::name || field == Tensor::metadata_props;
}

void put_tensor(Output& output, std::span<const std::byte> tensor, std::span<const std::byte>& data) {
  output.tag(schema::GraphProto::initializer);
  const std::size_t opened = output.open_length();
  for_each_field(tensor, [&](std::uint32_t field, const auto&, std::span<const std::byte> whole) {
    if (is_kept(field)) output.bytes(whole);
  });
  // A comment takes the room up to the next boundary: tag and length of it, then those of the data.
  const std::size_t unaligned = (output.size() + 2 + 6) % alignment_bytes;
  const std::size_t padding = unaligned == 0 ? 0 : alignment_bytes - unaligned;
  output.tag(schema::TensorProto::doc_string);
  output.byte(padding);
  for (std::size_t i = 0; i < padding; ++i) output.byte(' ');
  output.tag(schema::TensorProto::raw_data);
  const std::size_t opened_data = output.open_length();
  output.bytes(data);
  data = {output.at(opened_data), data.size()};
  output.close_length(opened_data);
  output.close_length(opened);
}

// Says of each field of a graph, in the file's order, whether it stays.
class Sieve {
 public:
  explicit Sieve(const Selection* selection) : selection_(selection) {}
  bool keeps(std::uint32_t field) {
    using Graph = schema::GraphProto;
    if (!selection_) return true;
    if (field == Graph::node) return selection_->nodes[nodes_++];
    if (field == Graph::initializer) return selection_->initializers[initializers_++];
    if (field == Graph::output) return selection_->outputs[outputs_++];
    return true;
  }

 private:
  const Selection* selection_;
  std::size_t nodes_ = 0, initializers_ = 0, outputs_ = 0;
};

// The graph goes first, where the place of its weights does not depend on the other fields. `data` moves to the copies.
std::size_t put_model(std::byte* to, std::span<const std::byte> model, WeightData& data, const Selection* selection) {
  Output output(to);
  const auto put_graph = [&](std::span<const std::byte> graph) {
    Sieve sieve(selection);
    output.tag(schema::ModelProto::graph);
    const std::size_t opened = output.open_length();
    for_each_field(graph, [&](std::uint32_t field, protozero::pbf_reader reader, std::span<const std::byte> whole) {
      if (!sieve.keeps(field)) return;
      if (field != schema::GraphProto::initializer) return output.bytes(whole);
      const std::span<const std::byte> tensor = bytes_of(reader.get_view());
      const auto found = data.find(name_of(tensor));
      if (found == data.end()) return output.bytes(whole);
      put_tensor(output, tensor, found->second);
    });
    output.close_length(opened);
  };
  for_each_field(model, [&](std::uint32_t field, protozero::pbf_reader reader, auto) {
    if (field == schema::ModelProto::graph) put_graph(bytes_of(reader.get_view()));
  });
  for_each_field(model, [&](std::uint32_t field, const auto&, std::span<const std::byte> whole) {
    if (field != schema::ModelProto::graph) output.bytes(whole);
  });
  return output.size();
}

using Names = std::set<std::string_view>;

// Whatever a node, or a graph inside it, refers to. What such a graph makes itself is among it, which does no harm.
void add_names(const onnx::NodeView& node, Names& names) {
  names.insert(node.inputs.begin(), node.inputs.end());
  for (const onnx::AttributeView& attribute : node.attributes) {
    const auto* graphs = std::get_if<std::vector<onnx::GraphView>>(&attribute.value);
    if (!graphs) continue;
    for (const onnx::GraphView& graph : *graphs) {
      for (const onnx::NodeView& inner : graph.nodes) add_names(inner, names);
      for (const onnx::ValueView& output : graph.outputs) names.insert(output.name);
    }
  }
}

}  // namespace

Expected<> check_weights(const onnx::ModelView& model, std::span<const WeightOverride> weights) {
  std::set<std::string_view> seen;
  for (const WeightOverride& weight : weights) {
    const auto found = std::ranges::find(model.graph.initializers, weight.name, &onnx::TensorView::name);
    if (found == model.graph.initializers.end()) return no_weight(model, weight.name);
    LANEWAY_TRY(check_weight(*found, weight));
    if (!seen.insert(weight.name).second) {
      return Error(ErrorCode::invalid_argument, "weight " + weight.name + ": given twice: expected it once");
    }
  }
  return {};
}

Selection select(const onnx::GraphView& graph, std::span<const std::string_view> outputs) {
  Names needed(outputs.begin(), outputs.end());
  const auto is_needed = [&](std::string_view name) { return !name.empty() && needed.contains(name); };
  Selection selection;
  for (const onnx::ValueView& output : graph.outputs) selection.outputs.push_back(is_needed(output.name));
  selection.nodes.resize(graph.nodes.size());
  // From the last node to the first, and again where they do not stand in the order in which they are computed.
  for (bool grew = true; grew;) {
    grew = false;
    for (std::size_t i = graph.nodes.size(); i-- > 0;) {
      if (selection.nodes[i] || !std::ranges::any_of(graph.nodes[i].outputs, is_needed)) continue;
      selection.nodes[i] = grew = true;
      add_names(graph.nodes[i], needed);
    }
  }
  for (const onnx::ValueView& input : graph.inputs) needed.insert(input.name);  // ports stay, with their defaults
  for (const onnx::TensorView& weight : graph.initializers) selection.initializers.push_back(is_needed(weight.name));
  return selection;
}

Expected<LaidOutModel> lay_out(std::span<const std::byte> model, const WeightData& data, const Selection* selection) {
  WeightData counted = data;
  const std::size_t bytes = put_model(nullptr, model, counted, selection);
  if (bytes > INT_MAX) {
    return Error(ErrorCode::unimplemented, "model: too large: expected less than 2 GiB with all weights in one file, got " +
                                               std::to_string(bytes) + " bytes");
  }
  LANEWAY_TRY_ASSIGN(Buffer buffer, Buffer::allocate(bytes));
  LaidOutModel result{.owner = nullptr, .bytes = {}, .data = data};
  put_model(buffer.data(), model, result.data, selection);
  const auto owner = std::make_shared<const Buffer>(std::move(buffer));
  result.bytes = {owner->data(), owner->bytes()};
  result.owner = owner;
  return result;
}

}  // namespace laneway::engines_ort
