#include "cli/npy.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

#include "laneway/core/checked.h"
#include "laneway/memory/mapped_file.h"

namespace laneway::cli {
namespace {

constexpr std::string_view magic = "\x93NUMPY";

Error invalid(const std::string& problem) { return Error(ErrorCode::invalid_argument, problem); }

// ---- element types ------------------------------------------------------------------------------------------------------

struct NumpyType {
  std::string_view code;  // kind and bytes: NumPy's descr without its byte order
  DType dtype;
};
constexpr std::array<NumpyType, 14> numpy_types = {{{"f4", DType::f32},
                                                    {"f8", DType::f64},
                                                    {"f2", DType::f16},
                                                    {"i8", DType::i64},
                                                    {"i4", DType::i32},
                                                    {"i2", DType::i16},
                                                    {"i1", DType::i8},
                                                    {"u8", DType::u64},
                                                    {"u4", DType::u32},
                                                    {"u2", DType::u16},
                                                    {"u1", DType::u8},
                                                    {"b1", DType::boolean},
                                                    {"c8", DType::complex64},
                                                    {"c16", DType::complex128}}};

struct ElementType {
  DType dtype = DType::f32;
  bool swapped = false;
};

Expected<ElementType> element_type(std::string_view descr) {
  if (descr.size() > 1 && std::string_view("<>|=").find(descr[0]) != std::string_view::npos) {
    for (const NumpyType& type : numpy_types) {
      if (descr.substr(1) == type.code) return ElementType{type.dtype, descr[0] == '>'};
    }
  }
  return invalid("dtype: expected numbers or booleans, got '" + std::string(descr) +
                 "' (convert it, as in numpy.save(path, array.astype(numpy.float32)))");
}

/// Bytes that are swapped as one: complex numbers are two of them.
std::size_t word_bytes(DType dtype) {
  const std::size_t bytes = bits_of(dtype) / 8;
  return dtype == DType::complex64 || dtype == DType::complex128 ? bytes / 2 : bytes;
}

// ---- header -------------------------------------------------------------------------------------------------------------

struct Header {
  ElementType type;
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
};

/// The header is a Python dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }. This reads no other Python.
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view text) : rest_(text) {}

  Expected<Header> read() {
    Header header;
    bool has_descr = false, has_order = false, has_shape = false;
    LANEWAY_TRY(require('{'));
    while (!take('}')) {
      LANEWAY_TRY_ASSIGN(const std::string_view key, quoted());
      LANEWAY_TRY(require(':'));
      if (key == "descr" && !has_descr) {
        LANEWAY_TRY_ASSIGN(const std::string_view descr, description());
        LANEWAY_TRY_ASSIGN(header.type, element_type(descr));
        has_descr = true;
      } else if (key == "fortran_order" && !has_order) {
        header.fortran_order = take("True");
        if (!header.fortran_order && !take("False")) return expected("True or False");
        has_order = true;
      } else if (key == "shape" && !has_shape) {
        LANEWAY_TRY_ASSIGN(header.shape, extents());
        has_shape = true;
      } else {
        return invalid("header: expected 'descr', 'fortran_order' and 'shape' once each, got '" + std::string(key) + "'");
      }
      if (!take(',') && !at('}')) return expected("',' or '}'");
    }
    skip_space();
    if (!rest_.empty()) return expected("nothing after '}'");
    if (!has_descr || !has_order || !has_shape)
      return invalid("header: expected 'descr', 'fortran_order' and 'shape', got fewer");
    return header;
  }

 private:
  void skip_space() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size())); }
  bool at(char c) {
    skip_space();
    return !rest_.empty() && rest_.front() == c;
  }
  bool take(char c) {
    if (!at(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take(std::string_view word) {
    skip_space();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  Error expected(const std::string& what) const {
    return invalid("header: expected " + what + ", got '" + std::string(rest_.substr(0, 20)) + "'");
  }
  Expected<> require(char c) {
    if (!take(c)) return expected(std::string("'") + c + "'");
    return {};
  }

  Expected<std::string_view> quoted() {
    const char quote = at('"') ? '"' : '\'';
    LANEWAY_TRY(require(quote));
    const std::size_t end = rest_.find(quote);
    if (end == std::string_view::npos) return expected("a text that ends");
    const std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return text;
  }

  /// Structures have a list where others have a text.
  Expected<std::string_view> description() {
    if (at('[') || at('(')) return invalid("dtype: expected numbers or booleans, got a structure (save one of its fields)");
    return quoted();
  }

  Expected<std::vector<std::int64_t>> extents() {
    std::vector<std::int64_t> result;
    LANEWAY_TRY(require('('));
    while (!take(')')) {
      skip_space();
      std::int64_t extent = 0;
      const auto [end, problem] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), extent);
      if (problem != std::errc() || extent < 0) return expected("an extent of 0 or more");
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      take('L');  // Python 2 wrote its long integers so
      result.push_back(extent);
      if (!take(',') && !at(')')) return expected("',' or ')'");
    }
    return result;
  }

  std::string_view rest_;
};

struct Parts {
  std::string_view header;
  std::span<const std::byte> data;
};

Expected<Parts> split(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with(magic)) return invalid("not a .npy file: expected it to begin with \\x93NUMPY");
  if (text.size() < magic.size() + 2) return invalid("truncated: the version is missing");
  const unsigned version = static_cast<unsigned char>(text[magic.size()]);
  if (version < 1 || version > 3) return invalid("version: expected 1, 2 or 3, got " + std::to_string(version));
  const std::size_t length_at = magic.size() + 2, length_bytes = version == 1 ? 2 : 4, header_at = length_at + length_bytes;
  if (text.size() < header_at) return invalid("truncated: the header's length is missing");
  std::size_t length = 0;
  for (std::size_t i = 0; i < length_bytes; ++i) length |= std::to_integer<std::size_t>(bytes[length_at + i]) << (8 * i);
  if (length > text.size() - header_at) {
    return invalid("header: expected its " + std::to_string(length) + " bytes, got " + std::to_string(text.size() - header_at));
  }
  return Parts{text.substr(header_at, length), bytes.subspan(header_at + length)};
}

// ---- data ---------------------------------------------------------------------------------------------------------------

void swap_words(std::vector<std::byte>& bytes, std::size_t width) {
  for (auto at = bytes.begin(); at != bytes.end(); at += static_cast<std::ptrdiff_t>(width)) {
    std::reverse(at, at + static_cast<std::ptrdiff_t>(width));
  }
}

/// From first-dimension-fastest to last-dimension-fastest.
std::vector<std::byte> from_fortran_order(std::span<const std::byte> from, const Shape& shape, std::size_t width) {
  std::vector<std::byte> result(from.size());
  std::array<std::int64_t, Shape::rank_max> index{};
  for (std::size_t to = 0; to < from.size(); to += width) {
    std::size_t at = 0;
    for (std::size_t axis = shape.rank(); axis-- > 0;) {
      at = at * static_cast<std::size_t>(shape[axis]) + static_cast<std::size_t>(index[axis]);
    }
    std::memcpy(result.data() + to, from.data() + at * width, width);
    for (std::size_t axis = shape.rank(); axis-- > 0;) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
  return result;
}

std::string header_of(std::string_view code, const Shape& shape) {
  std::string extents;
  for (const std::int64_t extent : shape.extents()) extents += std::to_string(extent) + (shape.rank() == 1 ? "," : ", ");
  if (shape.rank() > 1) extents.resize(extents.size() - 2);
  const char order = code.ends_with("1") ? '|' : '<';
  std::string header =
      "{'descr': '" + std::string(1, order) + std::string(code) + "', 'fortran_order': False, 'shape': (" + extents + "), }";
  const std::size_t before = magic.size() + 4;
  header.append(*checked_round_up(before + header.size() + 1, std::size_t{64}) - before - header.size() - 1,
                ' ');  // data is aligned
  return header + '\n';
}

}  // namespace

Expected<NpyArray> read_npy(std::span<const std::byte> bytes) {
  LANEWAY_TRY_ASSIGN(const Parts parts, split(bytes));
  LANEWAY_TRY_ASSIGN(const Header header, HeaderReader(parts.header).read());
  NpyArray array{.dtype = header.type.dtype};
  LANEWAY_TRY_ASSIGN(array.shape, Shape::of(header.shape));
  LANEWAY_TRY_ASSIGN(const std::size_t expected, byte_count(array.dtype, array.shape));
  if (parts.data.size() != expected) {
    return invalid("data: expected " + std::to_string(expected) + " bytes (" + std::string(name(array.dtype)) + " " +
                   to_string(array.shape) + "), got " + std::to_string(parts.data.size()));
  }
  if (header.fortran_order && array.shape.rank() > 1) {
    array.bytes = from_fortran_order(parts.data, array.shape, bits_of(array.dtype) / 8);
  } else {
    array.bytes.assign(parts.data.begin(), parts.data.end());
  }
  if (header.type.swapped) swap_words(array.bytes, word_bytes(array.dtype));
  if (array.dtype == DType::boolean) {
    for (std::byte& value : array.bytes) value = value == std::byte{0} ? std::byte{0} : std::byte{1};
  }
  return array;
}

Expected<NpyArray> load_npy(const std::filesystem::path& path) {
  LANEWAY_TRY_ASSIGN(const MappedFile file, MappedFile::open(path));
  Expected<NpyArray> array = read_npy(file.data());
  if (!array) return std::move(array).error().with_context(path.string());
  return array;
}

Expected<> save_npy(const std::filesystem::path& path, DType dtype, const Shape& shape, std::span<const std::byte> bytes) {
  const auto* type =
      std::find_if(numpy_types.begin(), numpy_types.end(), [dtype](const NumpyType& t) { return t.dtype == dtype; });
  if (type == numpy_types.end()) {
    return Error(ErrorCode::unimplemented, path.string() + ": NumPy has no " + std::string(name(dtype)));
  }
  std::string head(magic);
  const std::string header = header_of(type->code, shape);
  head += {'\1', '\0', static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  head += header;

  const auto failed = [&path] { return Error(errno_code(errno), path.string() + ": " + std::strerror(errno)); };
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "wb"));
  if (!file) return failed();
  const auto write = [&file](const void* data, std::size_t size) {
    return size == 0 || std::fwrite(data, size, 1, file.get()) == 1;
  };
  const bool written = write(head.data(), head.size()) && write(bytes.data(), bytes.size()) && std::fflush(file.get()) == 0;
  if (!written) return failed();
  return {};
}

}  // namespace laneway::cli
