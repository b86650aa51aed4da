#pragma once
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <protozero/pbf_writer.hpp>
#include <string>

#include "laneway/graph/onnx/schema.h"

// For tests: files that no writer makes, and files that others made.
namespace laneway::onnx {

/// Encodes fields by hand, for files that no writer makes.
template <class Write>
std::string message(Write&& write) {
  std::string encoded;
  protozero::pbf_writer writer(encoded);
  write(writer);
  return encoded;
}

/// A model whose graph is these bytes.
inline std::string model_around(const std::string& graph) {
  return message([&](auto& writer) {
    writer.add_int64(schema::ModelProto::ir_version, 8);
    writer.add_message(schema::ModelProto::graph, graph);
    writer.add_message(schema::ModelProto::opset_import,
                       message([](auto& opset) { opset.add_int64(schema::OperatorSetIdProto::version, 17); }));
  });
}

/// A model whose one node has an attribute of these bytes.
inline std::string model_with_attribute(const std::string& attribute) {
  return model_around(message([&](auto& graph) {
    graph.add_message(schema::GraphProto::node, message([&](auto& node) {
                        node.add_string(schema::NodeProto::op_type, "Op");
                        node.add_message(schema::NodeProto::attribute, attribute);
                      }));
  }));
}

inline std::string model_with_initializer(const std::string& tensor) {
  return model_around(message([&](auto& graph) { graph.add_message(schema::GraphProto::initializer, tensor); }));
}

inline std::string file_in_deps(const char* name) {
  std::ifstream file(std::string(LANEWAY_TEST_DEPS_DIR "/models/") + name, std::ios::binary);
  EXPECT_TRUE(file) << name << " is missing: run scripts/setup";
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace laneway::onnx
