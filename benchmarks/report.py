"""stub"""
def write(): return "x"
