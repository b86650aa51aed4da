// Flows with values of every kind.
#include "laneway/ort/value.h"

#include "laneway/ort/copy.h"
#include "laneway/ort/dlpack.h"
#include "ort_faults/faults.h"

namespace laneway::faults {
namespace {

using namespace ort;

template <class T>
std::vector<std::byte> bytes_of(const std::vector<T>& elements) {
  const std::span bytes = std::as_bytes(std::span(elements));
  return {bytes.begin(), bytes.end()};
}

CooTensor coo() { return {.dense_shape = {3, 4}, .values = bytes_of(std::vector<float>{1, 2}), .indices = {0, 1, 2, 3}}; }
CsrTensor csr() {
  return {.dense_shape = {3, 4}, .values = bytes_of(std::vector<float>{1, 2}), .columns = {1, 3}, .row_starts = {0, 1, 1, 2}};
}
BlockSparseTensor block_sparse() {
  return {
      .dense_shape = {4, 4}, .values_shape = {2, 2, 1}, .values = bytes_of(std::vector<float>{1, 2, 3, 4}), .indices = {0, 1}};
}

Expected<Value> floats(const Allocator& allocator, const std::vector<float>& elements) {
  return Value::copy<float>(allocator, elements, {elements.size()});
}

class OrtValueFaults : public OrtFaults {
 protected:
  const Allocator& allocator_ = environment_->host_allocator();
};

TEST_F(OrtValueFaults, O02_Tensors) {
  std::vector<float> memory(6);
  fail_everything([&]() -> Expected<> {
    const auto owner = std::make_shared<std::vector<float>>(6, 1.0f);
    const MemoryInfo& host = environment_->host_memory();
    LANEWAY_TRY_ASSIGN(Value borrowed, Value::borrow(host, memory.data(), 24, DType::f32, {2, 3}));
    LANEWAY_TRY_ASSIGN(const Value owned, Value::own(host, owner->data(), 24, DType::f32, {2, 3}, owner));
    LANEWAY_TRY_ASSIGN(const Value copied, floats(allocator_, {1, 2, 3}));
    LANEWAY_TRY_ASSIGN(const DType dtype, copied.dtype());
    LANEWAY_TRY_ASSIGN(const Shape shape, copied.shape());
    LANEWAY_TRY_ASSIGN(const Type type, copied.type());
    LANEWAY_TRY_ASSIGN(const MemorySpec where, copied.memory());
    LANEWAY_TRY(copy_tensor(*environment_, owned, borrowed));
    LANEWAY_TRY_ASSIGN(const TensorView view, borrowed.tensor());
    return check(dtype == DType::f32 && shape == Shape{3} && type.kind == PortKind::tensor && view.bytes == 24 &&
                     !where.name.empty() && memory[5] == 1.0f,
                 "tensors");
  });
}

TEST_F(OrtValueFaults, O02_Strings) {
  const std::vector<std::string> texts = {"one", "", std::string("a\0b", 3), "a text that is too long to be kept in place"};
  fail_everything([&]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(Value value, Value::strings(allocator_, texts, {4}));
    LANEWAY_TRY(value.set_string(1, "two"));
    LANEWAY_TRY_ASSIGN(const std::string second, value.string_at(1));
    LANEWAY_TRY_ASSIGN(const auto read, value.string_elements());
    return check(second == "two" && read[2] == texts[2], "strings");
  });
}

TEST_F(OrtValueFaults, O02_Sequences) {
  fail_everything([&]() -> Expected<> {
    std::vector<Value> elements;
    for (const float first : {1.0f, 2.0f}) {
      LANEWAY_TRY_ASSIGN(Value element, floats(allocator_, {first, 5}));
      elements.push_back(std::move(element));
    }
    LANEWAY_TRY_ASSIGN(const Value sequence, Value::sequence(elements));
    LANEWAY_TRY_ASSIGN(const std::size_t count, sequence.child_count());
    LANEWAY_TRY_ASSIGN(const Value child, sequence.child(1));
    LANEWAY_TRY_ASSIGN(const Type type, sequence.type());
    LANEWAY_TRY_ASSIGN(const TensorView view, child.tensor());
    return check(count == 2 && type.kind == PortKind::sequence && *static_cast<float*>(view.data) == 2, "sequence");
  });
}

TEST_F(OrtValueFaults, O02_Maps) {
  fail_everything([&]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(const Value keys, Value::copy<std::int64_t>(allocator_, std::vector<std::int64_t>{7, 8}, {2}));
    LANEWAY_TRY_ASSIGN(const Value values, floats(allocator_, {1, 2}));
    LANEWAY_TRY_ASSIGN(const Value map, Value::map(keys, values));
    LANEWAY_TRY_ASSIGN(const Value held, map.child(1));
    LANEWAY_TRY_ASSIGN(const Shape shape, held.shape());
    return check(shape == Shape{2}, "map");
  });
}

TEST_F(OrtValueFaults, O02_SparseTensorsThatAreCopied) {
  fail_everything([&]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(const Value a, Value::sparse(allocator_, coo()));
    LANEWAY_TRY_ASSIGN(const Value b, Value::sparse(allocator_, csr()));
    LANEWAY_TRY_ASSIGN(const Value c, Value::sparse(allocator_, block_sparse()));
    LANEWAY_TRY_ASSIGN(const CooTensor read_a, a.coo());
    LANEWAY_TRY_ASSIGN(const CsrTensor read_b, b.csr());
    LANEWAY_TRY_ASSIGN(const BlockSparseTensor read_c, c.block_sparse());
    return check(read_a.indices == coo().indices && read_b.columns == csr().columns && read_c.indices == block_sparse().indices,
                 "sparse");
  });
}

TEST_F(OrtValueFaults, O02_SparseTensorsThatAreShared) {
  fail_everything([&]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(const Value a, Value::sparse(library_, std::make_shared<const CooTensor>(coo())));
    LANEWAY_TRY_ASSIGN(const Value b, Value::sparse(library_, std::make_shared<const CsrTensor>(csr())));
    LANEWAY_TRY_ASSIGN(const Value c, Value::sparse(library_, std::make_shared<const BlockSparseTensor>(block_sparse())));
    LANEWAY_TRY_ASSIGN(const SparseFormat format, b.sparse_format());
    LANEWAY_TRY_ASSIGN(const Shape shape, c.shape());
    LANEWAY_TRY_ASSIGN(const CooTensor read, a.coo());
    return check(format == SparseFormat::csr && shape == Shape{4, 4} && read.values == coo().values, "sparse");
  });
}

TEST_F(OrtValueFaults, O02_TensorsOfOthers) {
  fail_everything([&]() -> Expected<> {
    LANEWAY_TRY_ASSIGN(Value value, floats(allocator_, {1, 2, 3}));
    LANEWAY_TRY_ASSIGN(Dlpack plain, to_dlpack(std::move(value)));
    LANEWAY_TRY_ASSIGN(Value back, from_dlpack(environment_->host_memory(), std::move(plain)));
    LANEWAY_TRY_ASSIGN(DlpackVersioned versioned, to_dlpack_versioned(std::move(back)));
    LANEWAY_TRY_ASSIGN(const Value again, from_dlpack(environment_->host_memory(), std::move(versioned)));
    LANEWAY_TRY_ASSIGN(const TensorView view, again.tensor());
    return check(static_cast<float*>(view.data)[2] == 3, "DLPack");
  });
}

}  // namespace
}  // namespace laneway::faults
