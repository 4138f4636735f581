// EDK II's decompress libraries behind plain functions: what the section extraction of its DXE core gives for the body
// of a section, or that it refuses. Built as a release is, without assertions, against the headers of edk2 itself.

// Before the headers of edk2, which hide every name behind them from other libraries.
void *malloc(unsigned long);

#include <Uefi.h>
#include <Pi/PiFirmwareFile.h>
#include <Library/BaseLib.h>
#include <Library/BaseMemoryLib.h>
#include <Library/DebugLib.h>
#include <Library/ExtractGuidedSectionLib.h>
#include <Library/UefiDecompressLib.h>

RETURN_STATUS EFIAPI LzmaUefiDecompressGetInfo(CONST VOID *, UINT32, UINT32 *, UINT32 *);
RETURN_STATUS EFIAPI LzmaUefiDecompress(CONST VOID *, UINTN, VOID *, VOID *);
EFI_STATUS EFIAPI BrotliUefiDecompressGetInfo(CONST VOID *, UINT32, UINT32 *, UINT32 *);
EFI_STATUS EFIAPI BrotliUefiDecompress(CONST VOID *, UINTN, VOID *, VOID *);
RETURN_STATUS UefiTianoDecompress(CONST VOID *, VOID *, VOID *, UINT32);
UINTN x86_Convert(UINT8 *, UINTN, UINT32, UINT32 *, INTN);

VOID *EFIAPI CopyMem(VOID *to, CONST VOID *from, UINTN length) { return __builtin_memmove(to, from, length); }
VOID *EFIAPI SetMem(VOID *buffer, UINTN length, UINT8 value) { return __builtin_memset(buffer, value, length); }
VOID *EFIAPI ZeroMem(VOID *buffer, UINTN length) { return __builtin_memset(buffer, 0, length); }
VOID *EFIAPI SetMem16(VOID *buffer, UINTN length, UINT16 value) {
  for (UINTN i = 0; i < length / 2; i++) ((UINT16 *)buffer)[i] = value;
  return buffer;
}
UINT64 EFIAPI LShiftU64(UINT64 value, UINTN count) { return value << count; }
UINT32 EFIAPI ReadUnaligned32(CONST UINT32 *from) {
  UINT32 value;
  __builtin_memcpy(&value, from, 4);
  return value;
}
BOOLEAN EFIAPI CompareGuid(CONST GUID *one, CONST GUID *other) { return __builtin_memcmp(one, other, 16) == 0; }
RETURN_STATUS EFIAPI ExtractGuidedSectionRegisterHandlers(CONST GUID *guid, EXTRACT_GUIDED_SECTION_GET_INFO_HANDLER info,
                                                          EXTRACT_GUIDED_SECTION_DECODE_HANDLER decode) {
  return RETURN_SUCCESS;
}
EFI_GUID gLzmaCustomDecompressGuid, gLzmaF86CustomDecompressGuid, gBrotliCustomDecompressGuid, gTianoCustomDecompressGuid;

// More than any test asks for; a firmware that is asked for more is out of memory.
enum { MOST = 64 << 20 };

// Content of the body of a section: its size, or -1. A body of a compression section begins with UncompressedLength.
long extract(int kind, const unsigned char *body, unsigned length, unsigned char **content) {
  UINT32 size = 0, scratch_size = 0, declared = 0;
  RETURN_STATUS status;
  switch (kind) {
    case 'e':
      if (length < 4) return -1;
      declared = ReadUnaligned32((CONST UINT32 *)body);
      body += 4;
      length -= 4;
      status = UefiDecompressGetInfo(body, length, &size, &scratch_size);
      if (!RETURN_ERROR(status) && size != declared) return -1;
      break;
    case 't': status = UefiDecompressGetInfo(body, length, &size, &scratch_size); break;
    case 'l':
    case 'x':
      if (length < 13) return -1;  // asserted there
      status = LzmaUefiDecompressGetInfo(body, length, &size, &scratch_size);
      break;
    default:
      if (length < 16) return -1;  // asserted there
      status = BrotliUefiDecompressGetInfo(body, length, &size, &scratch_size);
  }
  if (RETURN_ERROR(status) || size > MOST || scratch_size > MOST) return -1;
  unsigned char *out = malloc(size), *scratch = malloc(scratch_size);
  switch (kind) {
    case 'e': status = UefiDecompress(body, out, scratch); break;
    case 't': status = UefiTianoDecompress(body, out, scratch, 2); break;
    case 'l':
    case 'x': status = LzmaUefiDecompress(body, length, out, scratch); break;
    default: status = BrotliUefiDecompress(body, length, out, scratch);
  }
  if (RETURN_ERROR(status)) return -1;
  if (kind == 'x') {
    UINT32 state = 0;
    x86_Convert(out, size, 0, &state, 0);
  }
  *content = out;
  return size;
}
