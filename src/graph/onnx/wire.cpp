#include "graph/onnx/wire.h"

namespace laneway::onnx {
namespace {

const char* chars(std::span<const std::byte> bytes) { return reinterpret_cast<const char*>(bytes.data()); }

}  // namespace

void Parse::fail(const char* at, std::string_view problem, ErrorCode code) {
  if (error_) return;
  std::string where;
  for (const Step& step : path_) {
    if (!where.empty()) where += '.';
    where += step.name;
    if (step.index != no_index) where += '[' + std::to_string(step.index) + ']';
  }
  if (!where.empty()) where += ": ";
  error_.emplace(code, where.append(problem) + " (byte " + std::to_string(at - chars(bytes_)) + ")");
}

Fields::Fields(Parse& parse) : Fields(parse, parse.bytes(), "", Parse::no_index) {}

Fields::Fields(Parse& parse, std::span<const std::byte> bytes, const char* name, std::size_t index)
    : parse_(parse), whole_(bytes), reader_(chars(bytes), bytes.size()) {
  parse_.path_.push_back({name, index});
}

bool Fields::next() {
  return !failed() && attempt([this] { return reader_.next(); });
}

void Fields::skip() {
  attempt([this] { reader_.skip(); });
}

bool Fields::expect(protozero::pbf_wire_type type) {
  if (failed()) return false;
  if (reader_.wire_type() == type) return true;
  fail("field " + std::to_string(number()) + ": wire type: expected " + std::to_string(static_cast<unsigned>(type)) + ", got " +
       std::to_string(static_cast<unsigned>(reader_.wire_type())));
  return false;
}

std::string_view Fields::text() {
  if (!expect(protozero::pbf_wire_type::length_delimited)) return {};
  const protozero::data_view view = attempt([this] { return reader_.get_view(); });
  return {view.data(), view.size()};
}

std::span<const std::byte> Fields::bytes() {
  const std::string_view view = text();
  return std::as_bytes(std::span(view.data(), view.size()));
}

std::int64_t Fields::integer() {
  if (!expect(protozero::pbf_wire_type::varint)) return 0;
  return attempt([this] { return reader_.get_int64(); });
}

float Fields::f32() {
  if (!expect(protozero::pbf_wire_type::fixed32)) return 0;
  return attempt([this] { return reader_.get_float(); });
}

Fields Fields::message(const char* name, std::size_t index) {
  const std::uint64_t bit = std::uint64_t{1} << (number() % 64);
  std::span<const std::byte> inner = bytes();
  if (index == Parse::no_index) {
    if (seen_ & bit) fail(std::string(name) + ": comes twice");
    seen_ |= bit;
  }
  if (parse_.path_.size() >= Parse::depth_max) fail("nested deeper than " + std::to_string(Parse::depth_max) + " messages");
  if (failed()) inner = inner.first(0);
  return Fields(parse_, inner, name, index);
}

std::span<const std::byte> Fields::fixed(std::size_t width) {
  if (reader_.wire_type() == protozero::pbf_wire_type::length_delimited) {
    const std::span<const std::byte> packed = bytes();
    if (packed.size() % width != 0)
      fail("packed numbers: " + std::to_string(packed.size()) + " bytes are no multiple of " + std::to_string(width));
    return failed() ? packed.first(0) : packed;
  }
  if (!expect(width == 4 ? protozero::pbf_wire_type::fixed32 : protozero::pbf_wire_type::fixed64)) return {};
  const char* const before = position();
  skip();
  if (failed()) return {};
  return std::as_bytes(std::span(before, width));
}

}  // namespace laneway::onnx
