import subprocess
import sys


def test_reading_features_imports_no_language_model_library() -> None:
    code = "import sys, prefloop.embed.features; print({'torch', 'transformers'} & set(sys.modules))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "set()\n"
    )
