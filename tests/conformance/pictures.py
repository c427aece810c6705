import base64
import io

from PIL import Image, ImageDraw


def picture(form: str = "PNG", *, width: int = 64, height: int = 64) -> bytes:
    image = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(image).ellipse((2, 2, width - 3, height - 3), fill="teal")
    out = io.BytesIO()
    image.save(out, form)
    return out.getvalue()


def heavy_picture(size: int) -> bytes:
    """A PNG may be followed by anything; readers stop at its end."""
    small = picture()
    return small + bytes(size - len(small))


def data_uri(content: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
