#include "laneway/graph/onnx/tensor_reader.h"

#include <string>
#include <system_error>

#include "core/guard.h"
#include "graph/onnx/wire.h"
#include "laneway/core/checked.h"

namespace laneway::onnx {
namespace {

using schema::TensorProto;

std::string object(const TensorView& tensor) { return "tensor '" + std::string(tensor.name) + "'"; }

/// Integers of typed fields are wider than the elements they stand for.
void append_low_bytes(std::vector<std::byte>& to, std::uint64_t value, std::size_t width) {
  for (std::size_t i = 0; i < width; ++i) to.push_back(static_cast<std::byte>(value >> (8 * i)));
}

std::vector<std::byte> decode(Parse& parse, DType dtype) {
  const std::size_t width = is_packed(dtype) ? 1 : bits_of(dtype) / 8;
  std::vector<std::byte> result;
  Fields fields(parse);
  while (fields.next()) {
    switch (fields.number()) {
      case TensorProto::float_data:
      case TensorProto::double_data: {
        const std::span<const std::byte> bytes = fields.fixed(fields.number() == TensorProto::float_data ? 4 : 8);
        result.insert(result.end(), bytes.begin(), bytes.end());
        break;
      }
      case TensorProto::int32_data:
      case TensorProto::int64_data:
      case TensorProto::uint64_data:
        fields.each_integer(
            [&](std::uint64_t value) { append_low_bytes(result, dtype == DType::boolean ? value != 0 : value, width); });
        break;
      default: fields.skip();
    }
  }
  return result;
}

Expected<TensorBytes> decoded_bytes(const TensorView& tensor, const TypedData& typed) {
  return guarded([&]() -> Expected<TensorBytes> {
    Parse parse(typed.message);
    auto elements = std::make_shared<std::vector<std::byte>>(decode(parse, tensor.dtype));
    if (parse.failed()) return Error(parse.error()).with_context(object(tensor));
    return TensorBytes{.bytes = *elements, .owner = elements};
  });
}

bool leaves_folder(const std::filesystem::path& relative) {
  for (const auto& part : relative) {
    if (part == "..") return true;
  }
  return relative.has_root_path();
}

bool is_inside(const std::filesystem::path& folder, const std::filesystem::path& file) {
  auto at = file.begin();
  for (const auto& part : folder) {
    if (at == file.end() || *at++ != part) return false;
  }
  return true;
}

}  // namespace

Expected<TensorBytes> TensorReader::bytes(const TensorView& tensor) {
  if (tensor.dtype == DType::string) return Error(ErrorCode::invalid_argument, object(tensor) + ": holds strings, not numbers");
  if (const auto* raw = std::get_if<RawData>(&tensor.data)) return TensorBytes{.bytes = raw->bytes, .owner = nullptr};
  if (const auto* typed = std::get_if<TypedData>(&tensor.data)) return decoded_bytes(tensor, *typed);
  Expected<TensorBytes> result = external_bytes(tensor, *std::get_if<ExternalData>(&tensor.data));
  if (!result) return std::move(result).error().with_context(object(tensor));
  return result;
}

Expected<TensorBytes> TensorReader::external_bytes(const TensorView& tensor, const ExternalData& external) {
  LANEWAY_TRY_ASSIGN(const std::size_t bytes, byte_count(tensor.dtype, tensor.shape));
  LANEWAY_TRY_ASSIGN(const std::shared_ptr<const MappedFile> mapped, file(external.location));
  const std::size_t size = mapped->data().size();
  if (external.offset > size || bytes > size - external.offset) {
    return Error(ErrorCode::invalid_argument, "external data '" + std::string(external.location) + "': expected " +
                                                  std::to_string(bytes) + " bytes at " + std::to_string(external.offset) +
                                                  ", got a file of " + std::to_string(size));
  }
  return TensorBytes{.bytes = mapped->data().subspan(external.offset, bytes), .owner = mapped};
}

Expected<std::shared_ptr<const MappedFile>> TensorReader::file(std::string_view location) {
  const auto refuse = [location](ErrorCode code, const std::string& problem) {
    return Error(code, "external data '" + std::string(location) + "': " + problem);
  };
  if (!folder_) return refuse(ErrorCode::failed_precondition, "the model has no folder to look in (open it as a file)");
  const std::filesystem::path relative(location);
  if (location.empty() || location.find('\0') != std::string_view::npos || leaves_folder(relative)) {
    return refuse(ErrorCode::invalid_argument, "expected a path inside the model's folder");
  }
  std::error_code failure;
  const std::filesystem::path folder = std::filesystem::canonical(folder_->empty() ? "." : *folder_, failure);
  const std::filesystem::path path = failure ? std::filesystem::path() : std::filesystem::canonical(folder / relative, failure);
  if (failure) {
    const bool denied = failure == std::errc::permission_denied;
    return refuse(denied ? ErrorCode::permission_denied : ErrorCode::not_found,
                  failure.message() + " (in " + folder_->string() + ")");
  }
  if (!is_inside(folder, path)) return refuse(ErrorCode::invalid_argument, "a link leads out of the model's folder");

  auto& mapped = files_[path];
  if (!mapped) {
    Expected<MappedFile> opened = MappedFile::open(path);
    if (!opened) return std::move(opened).error();
    mapped = std::make_shared<const MappedFile>(*std::move(opened));
  }
  return mapped;
}

Expected<std::vector<std::string_view>> strings(const TensorView& tensor) {
  const auto* typed = std::get_if<TypedData>(&tensor.data);
  if (tensor.dtype != DType::string || typed == nullptr) {
    return Error(ErrorCode::invalid_argument, object(tensor) + ": expected strings, got " + std::string(name(tensor.dtype)));
  }
  Parse parse(typed->message);
  std::vector<std::string_view> result;
  Fields fields(parse);
  while (fields.next()) {
    if (fields.number() == TensorProto::string_data) {
      result.push_back(fields.text());
    } else {
      fields.skip();
    }
  }
  if (parse.failed()) return parse.error();
  return result;
}

}  // namespace laneway::onnx
