// A device that is the processor in disguise: what mixes its tensors with the processor's fails as it would on a GPU.
//
// Its memory is the processor's under another name, and every operation runs there. Three things are as on a GPU: an
// operation on tensors of both is refused, save for single numbers and indices; a generator belongs to its device; and
// NumPy cannot see its tensors. While `pretended::capture` is on, it also refuses what cannot be recorded as a CUDA graph:
// whatever waits for a number, copies from or to the processor, or draws from a generator.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/EmptyTensor.h>
#include <ATen/NativeFunctions.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <ATen/native/CPUFallback.h>
#include <ATen/native/Resize.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <cstdlib>
#include <set>
#include <string>
#include <utility>

namespace {

constexpr auto PRETEND = c10::DeviceType::PrivateUse1;
const c10::Device DEVICE(PRETEND, 0);

bool capturing = false;
thread_local bool in_fallback = false;  // which copies everything to the processor and back

void recordable(bool is, const char* what) {
  TORCH_CHECK(!capturing || in_fallback || is, "operation not permitted when stream is capturing: ", what);
}

void release(void* p) { std::free(p); }

struct Memory final : at::Allocator {
  at::DataPtr allocate(size_t bytes) override {
    void* p = bytes ? std::aligned_alloc(64, (bytes + 63) / 64 * 64) : nullptr;
    return {p, p, &release, DEVICE};
  }
  at::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* to, const void* from, size_t bytes) const override { std::memcpy(to, from, bytes); }
};
Memory memory;
REGISTER_ALLOCATOR(PRETEND, &memory);

struct Guard final : c10::impl::NoOpDeviceGuardImpl<PRETEND> {
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }
  c10::Device getDevice() const noexcept override { return DEVICE; }
  c10::Stream getStream(c10::Device) const noexcept override { return c10::Stream(c10::Stream::DEFAULT, DEVICE); }
  c10::Stream getDefaultStream(c10::Device) const override { return c10::Stream(c10::Stream::DEFAULT, DEVICE); }
  c10::Stream exchangeStream(c10::Stream) const noexcept override { return c10::Stream(c10::Stream::DEFAULT, DEVICE); }
  void record(void**, const c10::Stream&, c10::DeviceIndex, c10::EventFlag) const override {}
  void block(void*, const c10::Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
  void synchronizeEvent(void*) const override {}
  void destroyEvent(void*, c10::DeviceIndex) const noexcept override {}
  bool queryStream(const c10::Stream&) const override { return true; }
  void synchronizeStream(const c10::Stream&) const override {}
};
C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard);

struct Draws final : at::CPUGeneratorImpl {
  explicit Draws(uint64_t seed) : at::CPUGeneratorImpl(seed) { disguise(true); }
  void disguise(bool on) {
    device_ = on ? DEVICE : c10::Device(c10::DeviceType::CPU);
    key_set_ = c10::DispatchKeySet(on ? c10::DispatchKey::PrivateUse1 : c10::DispatchKey::CPU);
  }
};

at::Generator& default_draws() {
  static at::Generator draws = at::make_generator<Draws>(c10::default_rng_seed_val);
  return draws;
}

struct Hooks final : at::PrivateUse1HooksInterface {
  const at::Generator& getDefaultGenerator(c10::DeviceIndex) const override { return default_draws(); }
  at::Generator getNewGenerator(c10::DeviceIndex) const override {
    return at::make_generator<Draws>(c10::default_rng_seed_val);
  }
  c10::Device getDeviceFromPtr(void*) const override { return DEVICE; }
  bool isPinnedPtr(const void*) const override { return false; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  bool isAvailable() const override { return true; }
  bool isBuilt() const override { return true; }
  c10::DeviceIndex deviceCount() const override { return 1; }
  c10::DeviceIndex getCurrentDevice() const override { return 0; }
  void resizePrivateUse1Bytes(const c10::Storage& storage, size_t bytes) const override {
    at::DataPtr fresh = memory.allocate(bytes);
    std::memcpy(fresh.get(), storage.data(), std::min(bytes, storage.nbytes()));
    storage.set_data_ptr_noswap(std::move(fresh));
    storage.unsafeGetStorageImpl()->set_nbytes(bytes);
  }
};

const bool hooked = (at::RegisterPrivateUse1HooksInterface(new Hooks()), true);

at::Tensor empty(c10::SymIntArrayRef size, std::optional<at::ScalarType> dtype, std::optional<at::Layout>,
                 std::optional<at::Device>, std::optional<bool>, std::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(C10_AS_INTARRAYREF_SLOW(size), &memory, c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
                                   c10::dtype_or_default(dtype), format);
}

at::Tensor empty_strided(c10::SymIntArrayRef size, c10::SymIntArrayRef stride, std::optional<at::ScalarType> dtype,
                         std::optional<at::Layout>, std::optional<at::Device>, std::optional<bool>) {
  return at::detail::empty_strided_generic(C10_AS_INTARRAYREF_SLOW(size), C10_AS_INTARRAYREF_SLOW(stride), &memory,
                                           c10::DispatchKeySet(c10::DispatchKey::PrivateUse1), c10::dtype_or_default(dtype));
}

// The same memory as a tensor of the processor, for as long as the tensor itself lives.
at::Tensor bare(const at::Tensor& t) {
  if (!t.is_privateuseone()) return t;
  at::Tensor plain = at::from_blob(t.storage().mutable_data(), {static_cast<int64_t>(t.storage().nbytes())}, at::kByte);
  at::Tensor other = at::empty({0}, t.options().device(at::kCPU));
  other.set_(plain.storage(), t.storage_offset(), t.sizes(), t.strides());
  if (t.is_conj()) other._set_conj(true);
  if (t.is_neg()) other._set_neg(true);
  return other;
}

at::Tensor copy_from(const at::Tensor& self, const at::Tensor& to, bool) {
  recordable(self.device() == to.device(), "a copy from or to the processor");
  bare(to).copy_(bare(self));
  return to;
}

at::Tensor copy_from_and_resize(const at::Tensor& self, const at::Tensor& to) {
  if (to.sizes() != self.sizes()) to.resize_(self.sizes());
  bare(to).copy_(bare(self));
  return to;
}

at::Scalar local_scalar(const at::Tensor& self) {
  recordable(false, "a number that is waited for");
  return at::native::_local_scalar_dense_cpu(bare(self));
}

const at::Tensor& resize(const at::Tensor& self, c10::SymIntArrayRef size, std::optional<at::MemoryFormat>) {
  auto sizes = C10_AS_INTARRAYREF_SLOW(size);
  auto* impl = self.unsafeGetTensorImpl();
  impl->set_sizes_contiguous(sizes);
  size_t bytes = (impl->numel() + impl->storage_offset()) * self.dtype().itemsize();
  if (self.storage().nbytes() < bytes) {
    at::DataPtr fresh = memory.allocate(bytes);
    if (self.storage().nbytes()) std::memcpy(fresh.get(), self.storage().data(), self.storage().nbytes());
    self.storage().set_data_ptr_noswap(std::move(fresh));
    self.storage().unsafeGetStorageImpl()->set_nbytes(bytes);
  }
  return self;
}

at::Tensor as_strided(const at::Tensor& self, c10::SymIntArrayRef size, c10::SymIntArrayRef stride, std::optional<c10::SymInt> offset) {
  return at::native::as_strided_tensorimpl(self, C10_AS_INTARRAYREF_SLOW(size), C10_AS_INTARRAYREF_SLOW(stride),
      offset ? std::optional<int64_t>(offset->guard_int(__FILE__, __LINE__)) : std::nullopt);
}
at::Tensor view(const at::Tensor& self, c10::SymIntArrayRef size) { return at::native::view(self, C10_AS_INTARRAYREF_SLOW(size)); }
at::Tensor reshape_alias(const at::Tensor& self, c10::SymIntArrayRef size, c10::SymIntArrayRef stride) {
  return at::native::_reshape_alias(self, C10_AS_INTARRAYREF_SLOW(size), C10_AS_INTARRAYREF_SLOW(stride));
}
at::Tensor unfold(const at::Tensor& self, int64_t d, int64_t size, int64_t step) { return at::native::unfold(self, d, size, step); }
at::Tensor view_as_real(const at::Tensor& self) { return at::native::view_as_real(self); }
at::Tensor view_as_complex(const at::Tensor& self) { return at::native::view_as_complex(self); }
at::Tensor& set_source(at::Tensor& self, at::Storage s, c10::SymInt offset, c10::SymIntArrayRef size, c10::SymIntArrayRef stride) {
  self.unsafeGetTensorImpl()->set_storage_keep_dtype(s);
  self.unsafeGetTensorImpl()->set_sizes_and_strides(size, stride, offset);
  return self;
}
at::Tensor& set_tensor(at::Tensor& self, const at::Tensor& source) {
  self.unsafeGetTensorImpl()->set_storage_keep_dtype(source.storage());
  self.unsafeGetTensorImpl()->set_sizes_and_strides(source.sym_sizes(), source.sym_strides(), source.sym_storage_offset());
  return self;
}

at::Tensor disguised(const at::Tensor& t) {
  if (!t.defined()) return t;
  at::Tensor other = at::empty_strided(t.sizes(), t.strides(), t.options().device(DEVICE));
  bare(other).copy_(t);
  return other;
}

at::Tensor convolution(const at::Tensor& x, const at::Tensor& w, const std::optional<at::Tensor>& b, c10::SymIntArrayRef stride,
                       c10::SymIntArrayRef padding, c10::SymIntArrayRef dilation, bool transposed, c10::SymIntArrayRef more, c10::SymInt groups) {
  TORCH_CHECK(x.is_privateuseone() && w.is_privateuseone(), "Expected all tensors to be on the same device in a convolution");
  std::optional<at::Tensor> bias = b && b->defined() ? std::optional(bare(*b)) : std::nullopt;
  return disguised(at::convolution_symint(bare(x), bare(w), bias, stride, padding, dilation, transposed, more, groups));
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> convolution_backward(const at::Tensor& g, const at::Tensor& x, const at::Tensor& w,
    c10::SymIntArrayRef stride, c10::SymIntArrayRef padding, c10::SymIntArrayRef dilation, bool transposed, c10::SymIntArrayRef more,
    c10::SymInt groups, std::array<bool, 3> mask) {
  TORCH_CHECK(g.is_privateuseone() && x.is_privateuseone() && w.is_privateuseone(), "Expected all tensors to be on the same device in a convolution");
  c10::SymInt outputs = transposed ? w.sym_size(1) * groups : w.sym_size(0);
  auto [a, b, c] = at::convolution_backward_symint(bare(g), bare(x), bare(w), c10::SymIntArrayRef(&outputs, 1), stride, padding, dilation, transposed, more, groups, mask);
  return {disguised(a), disguised(b), disguised(c)};
}

// Its running statistics change without the schema saying so: a fallback would change copies of them.
std::tuple<at::Tensor, at::Tensor, at::Tensor> batch_norm(const at::Tensor& x, const std::optional<at::Tensor>& w,
    const std::optional<at::Tensor>& b, const std::optional<at::Tensor>& mean, const std::optional<at::Tensor>& var, bool training,
    double momentum, double eps) {
  auto plain = [](const std::optional<at::Tensor>& t) {
    TORCH_CHECK(!t || !t->defined() || t->is_privateuseone(), "Expected all tensors to be on the same device in a batch norm");
    return t && t->defined() ? std::optional(bare(*t)) : std::nullopt;
  };
  auto [y, m, s] = at::native_batch_norm(bare(x), plain(w), plain(b), plain(mean), plain(var), training, momentum, eps);
  return {disguised(y), disguised(m), disguised(s)};
}

// Tensors of the processor that a GPU's kernels take beside its own: indices, and single numbers.
const std::set<std::string> MIXED = {"aten::index", "aten::index_put_", "aten::_index_put_impl_", "aten::_unsafe_index", "aten::copy_", "aten::_unsafe_index_put"};

// These wait to know the size of their answer, or the answer itself.
const std::set<std::string> WAITING = {"aten::nonzero", "aten::masked_select", "aten::equal", "aten::_unique2", "aten::unique_dim", "aten::bincount"};

void check(const c10::OperatorHandle& op, const at::Tensor& t, bool& here, bool& there) {
  if (!t.defined()) return;
  if (t.is_privateuseone()) here = true;
  else if (t.is_cpu() && t.dim() > 0 && !MIXED.count(op.operator_name().name)) there = true;
}

void fallback(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const auto n = op.schema().arguments().size();
  bool here = false, there = false, by_mask = false;
  std::vector<Draws*> draws;
  for (auto& value : torch::jit::last(*stack, n)) {
    if (value.isTensor()) check(op, value.toTensor(), here, there);
    else if (value.isTensorList()) for (const at::Tensor& t : value.toTensorVector()) check(op, t, here, there);
    else if (value.isList()) {
      for (const c10::IValue& item : value.toListRef()) {
        if (!item.isTensor() || !item.toTensor().defined()) continue;
        check(op, item.toTensor(), here, there);
        by_mask |= item.toTensor().scalar_type() == at::kBool;
      }
    }
    else if (value.isGenerator()) {
      auto g = value.toGenerator();
      if (g.defined() && g.device().type() == PRETEND) draws.push_back(static_cast<Draws*>(g.unsafeGetGeneratorImpl()));
      else if (g.defined()) TORCH_CHECK(false, op.operator_name(), ": Expected a 'pretend' device type for generator but found ", g.device());
    }
  }
  TORCH_CHECK(!(here && there), op.operator_name(), ": Expected all tensors to be on the same device, pretend:0 and cpu were found");
  recordable(draws.empty() && !by_mask && !WAITING.count(op.operator_name().name), op.operator_name().name.c_str());
  for (auto* g : draws) g->disguise(false);
  const bool outer = std::exchange(in_fallback, true);
  try {
    at::native::cpu_fallback(op, stack, /*error_on_views=*/true);
  } catch (...) {
    in_fallback = outer;
    for (auto* g : draws) g->disguise(true);
    throw;
  }
  in_fallback = outer;
  for (auto* g : draws) g->disguise(true);
}

TORCH_LIBRARY(pretended, m) { m.def("capture(bool on) -> ()", [](bool on) { capturing = on; }); }

TORCH_LIBRARY_IMPL(_, PrivateUse1, m) { m.fallback(torch::CppFunction::makeFromBoxedFunction<&fallback>()); }

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  m.impl("empty.memory_format", empty);
  m.impl("empty_strided", empty_strided);
  m.impl("_copy_from", copy_from);
  m.impl("_copy_from_and_resize", copy_from_and_resize);
  m.impl("_local_scalar_dense", local_scalar);
  m.impl("resize_", resize);
  m.impl("as_strided", as_strided);
  m.impl("view", view);
  m.impl("_reshape_alias", reshape_alias);
  m.impl("unfold", unfold);
  m.impl("view_as_real", view_as_real);
  m.impl("view_as_complex", view_as_complex);
  m.impl("set_.source_Storage_storage_offset", set_source);
  m.impl("set_.source_Tensor", set_tensor);
  m.impl("native_batch_norm", batch_norm);
  m.impl("convolution_overrideable", convolution);
  m.impl("convolution_backward_overrideable", convolution_backward);
}

TORCH_LIBRARY_IMPL(aten, Conjugate, m) { m.impl("_copy_from", torch::CppFunction::makeFallthrough()); }
TORCH_LIBRARY_IMPL(aten, Negative, m) { m.impl("_copy_from", torch::CppFunction::makeFallthrough()); }

}  // namespace

