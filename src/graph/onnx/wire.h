#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <protozero/pbf_reader.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "laneway/core/error.h"

namespace laneway::onnx {

/// What the readers of all messages of one parse share: where the bytes begin, the way down to the message in hand, and the
/// first thing found wrong, after which nothing more is read. Callers so look for failure once, at the end.
class Parse {
 public:
  static constexpr std::size_t depth_max = 64;
  static constexpr std::size_t no_index = SIZE_MAX;

  explicit Parse(std::span<const std::byte> bytes) : bytes_(bytes) {}
  Parse(const Parse&) = delete;
  Parse& operator=(const Parse&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }
  bool failed() const { return error_.has_value(); }
  const Error& error() const { return *error_; }
  /// Keeps the first: "graph.node[3]: <problem> (byte 1234)".
  void fail(const char* at, std::string_view problem, ErrorCode code = ErrorCode::invalid_argument);

 private:
  friend class Fields;
  struct Step {
    const char* name;
    std::size_t index;
  };

  std::span<const std::byte> bytes_;
  std::vector<Step> path_;
  std::optional<Error> error_;
};

/// The fields of one message, in the file's order. Each field is read by exactly one of the functions below, or skipped; those
/// check the wire type, so that protozero asserts nothing, and catch what it throws.
class Fields {
 public:
  explicit Fields(Parse& parse);
  ~Fields() { parse_.path_.pop_back(); }
  Fields(const Fields&) = delete;
  Fields& operator=(const Fields&) = delete;

  /// False at the end of the message, and after a failure anywhere.
  bool next();
  std::uint32_t number() const { return reader_.tag(); }
  void skip();

  std::string_view text();
  std::span<const std::byte> bytes();
  std::int64_t integer();
  float f32();
  /// The message in this field. One that is repeated has an index; any other must not come twice.
  Fields message(const char* name, std::size_t index = Parse::no_index);

  /// Calls `visit(std::uint64_t)` for each integer of a repeated field, packed or not.
  template <class Visit>
  void each_integer(Visit&& visit);
  /// Bytes of a repeated field of numbers of `width` bytes, packed or not.
  std::span<const std::byte> fixed(std::size_t width);

  void fail(std::string_view problem, ErrorCode code = ErrorCode::invalid_argument) { parse_.fail(position(), problem, code); }
  bool failed() const { return parse_.failed(); }
  /// The whole message.
  std::span<const std::byte> whole() const { return whole_; }

 private:
  Fields(Parse& parse, std::span<const std::byte> bytes, const char* name, std::size_t index);

  const char* position() const { return reader_.data().data(); }
  bool expect(protozero::pbf_wire_type type);
  template <class Read>
  auto attempt(Read&& read) -> decltype(read());

  Parse& parse_;
  std::span<const std::byte> whole_;
  protozero::pbf_reader reader_;
  std::uint64_t seen_ = 0;  // numbers of singular messages; ONNX has none above 63
};

template <class Read>
auto Fields::attempt(Read&& read) -> decltype(read()) {
  try {
    return read();
  } catch (const protozero::end_of_buffer_exception&) {
    fail("a field goes beyond the end of its message");
  } catch (const protozero::exception&) { fail("not a field of a protobuf message"); }
  return decltype(read())();
}

template <class Visit>
void Fields::each_integer(Visit&& visit) {
  if (reader_.wire_type() == protozero::pbf_wire_type::varint) return visit(static_cast<std::uint64_t>(integer()));
  const std::string_view packed = text();
  const char* at = packed.data();
  const char* const end = at + packed.size();
  attempt([&] {
    while (at != end) visit(protozero::decode_varint(&at, end));
  });
}

}  // namespace laneway::onnx
