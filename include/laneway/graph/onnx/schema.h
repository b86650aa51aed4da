#pragma once
#include <cstdint>
#include <optional>

#include "laneway/core/dtype.h"

namespace laneway LANEWAY_PUBLIC {
/// The numbers of ONNX's protobuf schema (onnx.proto, up to IR version 13), for whoever reads or writes its wire format.
/// One struct per message, one enumerator per field.
namespace onnx::schema {

// clang-format off
struct ModelProto {
  enum Field : std::uint32_t {
    ir_version = 1, producer_name = 2, producer_version = 3, domain = 4, model_version = 5, doc_string = 6, graph = 7,
    opset_import = 8, metadata_props = 14, training_info = 20, functions = 25, configuration = 26
  };
};
struct GraphProto {
  enum Field : std::uint32_t {
    node = 1, name = 2, initializer = 5, doc_string = 10, input = 11, output = 12, value_info = 13, quantization_annotation = 14,
    sparse_initializer = 15, metadata_props = 16
  };
};
struct NodeProto {
  enum Field : std::uint32_t {
    input = 1, output = 2, name = 3, op_type = 4, attribute = 5, doc_string = 6, domain = 7, overload = 8, metadata_props = 9
  };
};
struct AttributeProto {
  enum Field : std::uint32_t {
    name = 1, f = 2, i = 3, s = 4, t = 5, g = 6, floats = 7, ints = 8, strings = 9, tensors = 10, graphs = 11, doc_string = 13,
    tp = 14, type_protos = 15, type = 20, ref_attr_name = 21, sparse_tensor = 22, sparse_tensors = 23
  };
};
struct TensorProto {
  enum Field : std::uint32_t {
    dims = 1, data_type = 2, segment = 3, float_data = 4, int32_data = 5, string_data = 6, int64_data = 7, name = 8, raw_data = 9,
    double_data = 10, uint64_data = 11, doc_string = 12, external_data = 13, data_location = 14, metadata_props = 16
  };
};
struct SparseTensorProto {
  enum Field : std::uint32_t { values = 1, indices = 2, dims = 3 };
};
struct ValueInfoProto {
  enum Field : std::uint32_t { name = 1, type = 2, doc_string = 3, metadata_props = 4 };
};
struct TypeProto {
  enum Field : std::uint32_t {
    tensor_type = 1, sequence_type = 4, map_type = 5, denotation = 6, opaque_type = 7, sparse_tensor_type = 8, optional_type = 9
  };
  struct Tensor {  ///< Of sparse tensors too.
    enum Field : std::uint32_t { elem_type = 1, shape = 2 };
  };
  struct Sequence {  ///< Of optionals too.
    enum Field : std::uint32_t { elem_type = 1 };
  };
  struct Map {
    enum Field : std::uint32_t { key_type = 1, value_type = 2 };
  };
};
struct TensorShapeProto {
  enum Field : std::uint32_t { dim = 1 };
  struct Dimension {
    enum Field : std::uint32_t { dim_value = 1, dim_param = 2, denotation = 3 };
  };
};
struct OperatorSetIdProto {
  enum Field : std::uint32_t { domain = 1, version = 2 };
};
struct StringStringEntryProto {
  enum Field : std::uint32_t { key = 1, value = 2 };
};
struct FunctionProto {
  enum Field : std::uint32_t {
    name = 1, input = 4, output = 5, attribute = 6, node = 7, doc_string = 8, opset_import = 9, domain = 10, attribute_proto = 11,
    value_info = 12, overload = 13, metadata_props = 14
  };
};

/// AttributeProto.AttributeType.
enum class AttributeType : std::uint8_t {
  undefined, float_, int_, string, tensor, graph, floats, ints, strings, tensors, graphs, sparse_tensor, sparse_tensors, type,
  types
};
// clang-format on
inline constexpr std::int64_t attribute_types = 15;

/// TensorProto.DataLocation.
inline constexpr std::int64_t data_location_external = 1;

/// TensorProto.DataType; nullopt for 0 (undefined) and for numbers unknown to us.
std::optional<DType> dtype_of_number(std::int64_t number) noexcept;
std::int32_t number_of(DType dtype) noexcept;

}  // namespace onnx::schema
}  // namespace laneway
