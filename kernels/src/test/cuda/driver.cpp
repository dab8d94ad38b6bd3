// A libcuda.so.1 whose device is the host: memory is mapped, kernels run as emulation.h says. What is in front of this
// text: emulation.h, the sources of the kernels, and KERNELS, a table of them. As in the real one functions return a
// status; what the emulation found is the text of LAUNCH_FAILED.

#include <sys/mman.h>
#include <unistd.h>

#include <map>

#define API extern "C" __attribute__((visibility("default"))) int

static const int OK = 0, INVALID = 1, NO_MEMORY = 2, NO_CONTEXT = 201, NOT_FOUND = 500, LAUNCH_FAILED = 719;
static const int SHARED_BYTES = 99 << 10;  // of compute capability 8.6: the least of those that are supported
static const uint64_t MEMORY = 1ULL << 34;

static std::map<uint64_t, size_t> blocks;
static std::string launchFailure;
static int users;
static thread_local void* current;
static std::map<const void*, int> mostShared;  // by kernel, where more than 48 KiB were asked for

static size_t pages(size_t bytes) {
  size_t page = sysconf(_SC_PAGESIZE);
  return (bytes + page - 1) / page * page;
}

API cuInit(unsigned) { return OK; }
API cuDriverGetVersion(int* version) { return *version = 13010, OK; }
API cuDeviceGetCount(int* count) { return *count = 1, OK; }
API cuDeviceGet(int* device, int) { return *device = 0, OK; }
API cuDeviceGetName(char* name, int length, int) { return snprintf(name, length, "emulated on the host"), OK; }
API cuDeviceTotalMem_v2(size_t* bytes, int) { return *bytes = MEMORY, OK; }
API cuDevicePrimaryCtxRetain(void** context, int) { return users++, *context = &blocks, OK; }
API cuCtxSetCurrent(void* context) { return current = context, OK; }
API cuStreamCreate(void** stream, unsigned) { return *stream = &blocks, OK; }
API cuStreamSynchronize(void*) { return current ? OK : NO_CONTEXT; }
API cuStreamDestroy_v2(void*) { return OK; }
API cuModuleLoadData(void** module, const void*) { return *module = &blocks, OK; }
API cuModuleUnload(void*) { return OK; }

// A device whose last user gives it back with memory on it has lost some.
API cuDevicePrimaryCtxRelease_v2(int) { return --users > 0 || blocks.empty() ? OK : INVALID; }

API cuDeviceGetAttribute(int* value, int attribute, int) {
  static const std::map<int, int> attributes = {{75, 8}, {76, 6}, {97, SHARED_BYTES}};
  auto found = attributes.find(attribute);
  if (found == attributes.end()) return INVALID;
  return *value = found->second, OK;
}

API cuGetErrorString(int code, const char** text) {
  static const std::map<int, const char*> texts = {{INVALID, "invalid argument"}, {NO_MEMORY, "out of memory"},
                                                   {NO_CONTEXT, "invalid device context"},
                                                   {NOT_FOUND, "named symbol not found"}};
  auto found = texts.find(code);
  return *text = found == texts.end() ? launchFailure.c_str() : found->second, OK;
}

// A block ends where a page begins that cannot be touched, and holds NaN.
API cuMemAlloc_v2(uint64_t* address, size_t bytes) {
  size_t size = (bytes + 255) / 256 * 256, page = sysconf(_SC_PAGESIZE);
  if (!current) return NO_CONTEXT;
  if (size > MEMORY) return NO_MEMORY;
  void* base = mmap(nullptr, pages(size) + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) return NO_MEMORY;
  mprotect((char*)base + pages(size), page, PROT_NONE);
  memset(base, emulation::POISON, pages(size));
  *address = (uint64_t)base + pages(size) - size;
  blocks[*address] = size;
  return OK;
}

API cuMemGetInfo_v2(size_t* free, size_t* total) {
  *free = *total = MEMORY;
  for (auto& block : blocks) *free -= block.second;
  return OK;
}

API cuMemFree_v2(uint64_t address) {
  auto block = blocks.find(address);
  if (block == blocks.end()) return INVALID;
  size_t size = block->second;
  munmap((void*)(address + size - pages(size)), pages(size) + sysconf(_SC_PAGESIZE));
  blocks.erase(block);
  return OK;
}

API cuMemAllocHost_v2(void** memory, size_t bytes) { return *memory = malloc(bytes), OK; }
API cuMemFreeHost(void* memory) { return free(memory), OK; }

API cuMemcpyHtoDAsync_v2(uint64_t dst, const void* src, size_t bytes, void*) {
  return current ? memcpy((void*)dst, src, bytes), OK : NO_CONTEXT;
}
API cuMemcpyDtoHAsync_v2(void* dst, uint64_t src, size_t bytes, void*) { return memcpy(dst, (void*)src, bytes), OK; }
API cuMemcpyDtoDAsync_v2(uint64_t dst, uint64_t src, size_t bytes, void*) {
  return memcpy((void*)dst, (void*)src, bytes), OK;
}
API cuMemsetD8Async(uint64_t dst, unsigned char value, size_t bytes, void*) {
  return memset((void*)dst, value, bytes), OK;
}

API cuModuleGetFunction(const emulation::Kernel** function, void*, const char* name) {
  for (const emulation::Kernel& kernel : KERNELS) {
    if (strcmp(kernel.name, name) == 0) return *function = &kernel, OK;
  }
  return NOT_FOUND;
}

API cuFuncSetAttribute(const void* kernel, int attribute, int bytes) {
  if (attribute != 8 || bytes > SHARED_BYTES) return INVALID;
  return mostShared[kernel] = bytes, OK;
}

API cuLaunchKernel(const emulation::Kernel* kernel, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned,
                   unsigned, unsigned sharedBytes, void*, void** arguments, void**) {
  auto most = mostShared.find(kernel);
  if (!current) return NO_CONTEXT;
  if (sharedBytes > (most == mostShared.end() ? 48u << 10 : most->second) || y > 65535 || z > 65535) return INVALID;
  launchFailure = emulation::launch(*kernel, {x, y, z}, (int)threads, (int)sharedBytes, arguments);
  return launchFailure.empty() ? OK : LAUNCH_FAILED;
}
