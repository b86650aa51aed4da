#include "laneway/ort/session_json.h"

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <type_traits>
#include <utility>
#include <vector>

namespace laneway::ort {
namespace {

using Json = nlohmann::ordered_json;

// ---- The fields. One that is missing here does not compile: the bindings are as many as the members. -------------------

template <class Visit>
void each_field(auto& spec, Visit&& visit) requires std::same_as<std::remove_cvref_t<decltype(spec)>, SessionSpec> {
  auto& [model, environment, providers, device_selection, dimensions, dimensions_by_denotation, external_initializers,
         external_files, shared_initializers, config, operators, operator_libraries, operator_functions, deterministic,
         denormals_as_zero, record_placement, load_cancellation, log_id, log_severity, log_verbosity, log_sink, profile_prefix,
         optimised_model, optimisation, threads, global_pool, execution, inter_threads, thread_hooks, arena, memory_pattern,
         prepacked, shared_allocators] = spec;
  visit("model", model);
  visit("environment", environment);
  visit("providers", providers);
  visit("device_selection", device_selection);
  visit("dimensions", dimensions);
  visit("dimensions_by_denotation", dimensions_by_denotation);
  visit("external_initializers", external_initializers);
  visit("external_files", external_files);
  visit("shared_initializers", shared_initializers);
  visit("config", config);
  visit("operators", operators);
  visit("operator_libraries", operator_libraries);
  visit("operator_functions", operator_functions);
  visit("deterministic", deterministic);
  visit("denormals_as_zero", denormals_as_zero);
  visit("record_placement", record_placement);
  visit("load_cancellation", load_cancellation);
  visit("log_id", log_id);
  visit("log_severity", log_severity);
  visit("log_verbosity", log_verbosity);
  visit("log_sink", log_sink);
  visit("profile_prefix", profile_prefix);
  visit("optimised_model", optimised_model);
  visit("optimisation", optimisation);
  visit("threads", threads);
  visit("global_pool", global_pool);
  visit("execution", execution);
  visit("inter_threads", inter_threads);
  visit("thread_hooks", thread_hooks);
  visit("arena", arena);
  visit("memory_pattern", memory_pattern);
  visit("prepacked", prepacked);
  visit("shared_allocators", shared_allocators);
}

template <class Visit>
void each_field(auto& threads, Visit&& visit) requires std::same_as<std::remove_cvref_t<decltype(threads)>, ThreadSpec> {
  auto& [count, cores, spin, name] = threads;
  visit("count", count);
  visit("cores", cores);
  visit("spin", spin);
  visit("name", name);
}

template <class Visit>
void each_field(auto& provider, Visit&& visit) requires std::same_as<std::remove_cvref_t<decltype(provider)>, Provider> {
  auto& [name, options, devices, fallback] = provider;
  visit("name", name);
  visit("options", options);
  visit("devices", devices);
  visit("fallback", fallback);
}

template <class T>
concept Fields = std::same_as<T, SessionSpec> || std::same_as<T, ThreadSpec> || std::same_as<T, Provider>;

template <class Enum>
struct Names;
template <>
struct Names<Optimisation> {
  static constexpr std::pair<Optimisation, const char*> all[] = {{Optimisation::none, "none"},
                                                                 {Optimisation::basic, "basic"},
                                                                 {Optimisation::extended, "extended"},
                                                                 {Optimisation::layout, "layout"},
                                                                 {Optimisation::all, "all"}};
};
template <>
struct Names<Execution> {
  static constexpr std::pair<Execution, const char*> all[] = {{Execution::sequential, "sequential"},
                                                              {Execution::parallel, "parallel"}};
};
template <>
struct Names<Severity> {
  static constexpr std::pair<Severity, const char*> all[] = {{Severity::verbose, "verbose"},
                                                             {Severity::info, "info"},
                                                             {Severity::warning, "warning"},
                                                             {Severity::error, "error"},
                                                             {Severity::fatal, "fatal"}};
};
template <>
struct Names<DevicePolicy> {
  static constexpr std::pair<DevicePolicy, const char*> all[] = {{DevicePolicy::automatic, "automatic"},
                                                                 {DevicePolicy::prefer_cpu, "prefer_cpu"},
                                                                 {DevicePolicy::prefer_npu, "prefer_npu"},
                                                                 {DevicePolicy::prefer_gpu, "prefer_gpu"},
                                                                 {DevicePolicy::max_performance, "max_performance"},
                                                                 {DevicePolicy::max_efficiency, "max_efficiency"},
                                                                 {DevicePolicy::min_overall_power, "min_overall_power"}};
};

// ---- What cannot be text, and whether it says nothing. ------------------------------------------------------------------

Error no_text() { return Error(ErrorCode::invalid_argument, "cannot be text"); }

bool says_nothing(const std::stop_token& token) { return !token.stop_possible(); }
bool says_nothing(const LogSink& sink) { return !sink; }
template <class T>
bool says_nothing(const std::shared_ptr<T>& object) {
  return !object;
}
template <class T>
bool says_nothing(const std::vector<T>& objects) {
  return objects.empty();
}

// ---- Writing ------------------------------------------------------------------------------------------------------------

template <class T>
Expected<Json> write(const T& value);

template <class Pairs, class First, class Second>
Expected<Json> write_object(const Pairs& entries, First Pairs::value_type::*name, Second Pairs::value_type::*value) {
  Json object = Json::object();
  for (const auto& entry : entries) {
    if (object.contains(entry.*name)) return Error(ErrorCode::invalid_argument, entry.*name + ": given twice");
    object[entry.*name] = entry.*value;
  }
  return object;
}

template <Fields T>
Expected<Json> write_fields(const T& spec) {
  Json object = Json::object();
  Expected<> failed;
  each_field(spec, [&](const char* name, const auto& field) {
    if (!failed) return;
    auto written = write(field);
    if (!written) {
      failed = std::move(written).error().with_context(name);
    } else if (!written->is_discarded()) {
      object[name] = *std::move(written);
    }
  });
  LANEWAY_TRY(std::move(failed));
  return object;
}

Expected<Json> write_model(const ModelSource& model) {
  const auto* file = std::get_if<ModelPath>(&model.get());
  if (!file) return no_text();
  return file->path.empty() ? Json(Json::value_t::discarded) : Json(file->path.string());
}

Expected<Json> write_selection(const DeviceSelection& selection) {
  if (std::holds_alternative<DeviceSelector>(selection)) return no_text();
  const auto* policy = std::get_if<DevicePolicy>(&selection);
  return policy ? write(*policy) : Json(nullptr);
}

template <class T>
Expected<Json> write(const T& value) {
  if constexpr (std::same_as<T, bool> || std::same_as<T, int> || std::same_as<T, std::string> ||
                std::same_as<T, std::vector<int>> || std::same_as<T, std::vector<std::string>>) {
    return Json(value);
  } else if constexpr (std::same_as<T, std::filesystem::path>) {
    return Json(value.string());
  } else if constexpr (std::is_enum_v<T>) {
    for (const auto& [each, name] : Names<T>::all) {
      if (each == value) return Json(name);
    }
    return Error(ErrorCode::invalid_argument, "expected an enumerator, got " + std::to_string(static_cast<int>(value)));
  } else if constexpr (Fields<T>) {
    return write_fields(value);
  } else if constexpr (std::same_as<T, KeyValues>) {
    return write_object(value, &KeyValues::value_type::first, &KeyValues::value_type::second);
  } else if constexpr (std::same_as<T, std::vector<NamedExtent>>) {
    return write_object(value, &NamedExtent::symbol, &NamedExtent::extent);
  } else if constexpr (std::same_as<T, std::vector<Provider>>) {
    Json list = Json::array();
    for (const Provider& provider : value) {
      auto written = write_fields(provider);
      if (!written) return std::move(written).error().with_context(provider.name);
      list.push_back(*std::move(written));
    }
    return list;
  } else if constexpr (std::same_as<T, std::vector<std::filesystem::path>>) {
    Json list = Json::array();
    for (const std::filesystem::path& path : value) list.push_back(path.string());
    return list;
  } else if constexpr (std::same_as<T, ModelSource>) {
    return write_model(value);
  } else if constexpr (std::same_as<T, DeviceSelection>) {
    return write_selection(value);
  } else if constexpr (requires { value.has_value(); }) {
    return value ? write(*value) : Json(nullptr);
  } else {
    if (!says_nothing(value)) return no_text();
    return Json(Json::value_t::discarded);
  }
}

// ---- Reading ------------------------------------------------------------------------------------------------------------

template <class T>
Expected<> read(const Json& json, T& value);

Error wrong_type(const char* expected, const Json& json) {
  return Error(ErrorCode::invalid_argument, std::string("expected ") + expected + ", got " + json.type_name());
}

template <std::signed_integral T>
Expected<> read_integer(const Json& json, T& value) {
  constexpr auto max = static_cast<std::uint64_t>(std::numeric_limits<T>::max());
  if (!json.is_number_integer()) return wrong_type("a whole number", json);
  const bool too_large = json.is_number_unsigned() && json.get<std::uint64_t>() > max;
  if (too_large || (!json.is_number_unsigned() && json.get<std::int64_t>() < std::numeric_limits<T>::min())) {
    return Error(ErrorCode::invalid_argument, "out of range: got " + json.dump());
  }
  value = json.get<T>();
  return {};
}

template <class Enum>
Expected<> read_enum(const Json& json, Enum& value) {
  if (!json.is_string()) return wrong_type("a name", json);
  std::string names;
  for (const auto& [each, name] : Names<Enum>::all) {
    if (json.get_ref<const std::string&>() == name) {
      value = each;
      return {};
    }
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  return Error(ErrorCode::invalid_argument, "expected one of " + names + ", got " + json.get_ref<const std::string&>());
}

template <Fields T>
Expected<> read_fields(const Json& json, T& spec) {
  if (!json.is_object()) return wrong_type("an object", json);
  std::set<std::string_view> known;
  std::string names;
  Expected<> failed;
  each_field(spec, [&](const char* name, auto& field) {
    known.insert(name);
    names += (names.empty() ? "" : ", ") + std::string(name);
    const auto found = json.find(name);
    if (!failed || found == json.end()) return;
    auto done = read(*found, field);
    if (!done) failed = std::move(done).error().with_context(name);
  });
  LANEWAY_TRY(std::move(failed));
  for (const auto& entry : json.items()) {
    if (known.contains(entry.key())) continue;
    return Error(ErrorCode::invalid_argument, entry.key() + ": no such field: expected one of " + names);
  }
  return {};
}

template <class List, class Add>
Expected<> read_entries(const Json& json, List& list, Add&& add) {
  if (!json.is_object()) return wrong_type("an object", json);
  list.clear();
  for (const auto& entry : json.items()) {
    auto done = add(entry.key(), entry.value());
    if (!done) return std::move(done).error().with_context(entry.key());
  }
  return {};
}

template <class Element>
Expected<> read_list(const Json& json, std::vector<Element>& list) {
  if (!json.is_array()) return wrong_type("a list", json);
  list.clear();
  for (const Json& element : json) {
    Element value{};
    if (auto done = read(element, value); !done) { return std::move(done).error().with_context(std::to_string(list.size())); }
    list.push_back(std::move(value));
  }
  return {};
}

Expected<> read_text(const Json& json, std::string& value) {
  if (!json.is_string()) return wrong_type("a text", json);
  value = json.get<std::string>();
  return {};
}

Expected<> read_selection(const Json& json, DeviceSelection& selection) {
  if (json.is_null()) {
    selection = std::monostate();
    return {};
  }
  return read(json, selection.emplace<DevicePolicy>());
}

template <class T>
Expected<> read_key_value_list(const Json& json, T& list) {
  return read_entries(json, list, [&](const std::string& name, const Json& element) {
    auto& entry = list.emplace_back();
    if constexpr (std::same_as<T, KeyValues>) {
      entry.first = name;
      return read_text(element, entry.second);
    } else {
      entry.symbol = name;
      return read_integer(element, entry.extent);
    }
  });
}

template <class T>
Expected<> read(const Json& json, T& value) {
  if constexpr (std::same_as<T, bool>) {
    if (!json.is_boolean()) return wrong_type("true or false", json);
    value = json.get<bool>();
    return {};
  } else if constexpr (std::same_as<T, int>) {
    return read_integer(json, value);
  } else if constexpr (std::same_as<T, std::string>) {
    return read_text(json, value);
  } else if constexpr (std::same_as<T, std::filesystem::path> || std::same_as<T, ModelSource>) {
    std::string text;
    LANEWAY_TRY(read_text(json, text));
    if constexpr (std::same_as<T, ModelSource>) value = ModelPath{std::move(text)};
    if constexpr (std::same_as<T, std::filesystem::path>) value = std::move(text);
    return {};
  } else if constexpr (std::is_enum_v<T>) {
    return read_enum(json, value);
  } else if constexpr (Fields<T>) {
    return read_fields(json, value);
  } else if constexpr (std::same_as<T, KeyValues> || std::same_as<T, std::vector<NamedExtent>>) {
    return read_key_value_list(json, value);
  } else if constexpr (std::same_as<T, std::vector<Provider>> || std::same_as<T, std::vector<int>> ||
                       std::same_as<T, std::vector<std::string>> || std::same_as<T, std::vector<std::filesystem::path>>) {
    return read_list(json, value);
  } else if constexpr (std::same_as<T, DeviceSelection>) {
    return read_selection(json, value);
  } else if constexpr (requires { value.has_value(); }) {
    value.reset();
    return json.is_null() ? Expected<>() : read(json, value.emplace());
  } else {
    return no_text();
  }
}

// What a parser lets pass: a key given twice, of which it would drop one, and nesting without end.
struct Watch {
  static constexpr int depth_max = 32;
  std::vector<std::set<std::string>> keys = {};
  std::optional<Error> failure = std::nullopt;

  bool operator()(int depth, Json::parse_event_t event, const Json& parsed) {
    using Event = Json::parse_event_t;
    if (depth > depth_max && !failure) failure = Error(ErrorCode::invalid_argument, "nested too deeply");
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::object_end) keys.pop_back();
    if (event == Event::key && !keys.back().insert(parsed.get<std::string>()).second && !failure) {
      failure = Error(ErrorCode::invalid_argument, parsed.get<std::string>() + ": given twice");
    }
    return depth <= depth_max;
  }
};

Expected<Json> parse(std::string_view text) {
  try {
    Watch watch;
    Json json =
        Json::parse(text, [&](int depth, Json::parse_event_t event, Json& parsed) { return watch(depth, event, parsed); });
    if (watch.failure) return *std::move(watch.failure);
    return json;
  } catch (const Json::exception& failure) {
    return Error(ErrorCode::invalid_argument, std::string("no JSON: ") + failure.what());
  }
}

}  // namespace

Expected<std::string> to_json(const SessionSpec& spec) {
  auto json = write_fields(spec);
  if (!json) return std::move(json).error().with_context("session options");
  try {
    return json->dump(2);
  } catch (const Json::exception& failure) {
    return Error(ErrorCode::invalid_argument, std::string("session options: ") + failure.what());
  }
}

Expected<SessionSpec> from_json(std::string_view text, SessionSpec base) {
  auto json = parse(text);
  if (!json) return std::move(json).error().with_context("session options");
  auto done = read_fields(*json, base);
  if (!done) return std::move(done).error().with_context("session options");
  return base;
}

}  // namespace laneway::ort
